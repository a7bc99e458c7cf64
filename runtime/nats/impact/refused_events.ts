import type { StoredMsg } from "@nats-io/jetstream";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Delivery } from "../../core/delivery.ts";
import { shorten } from "../../core/text.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { storedDelivery } from "../consume/parse_delivery.ts";
import { isChunk } from "../dead_letters/chunks.ts";
import { isPosition } from "../publish/stored_position.ts";
import { DELAYED_EVENT } from "../retry/retry_headers.ts";
import { foresee, type Foreseen } from "./foresee.ts";
import type { Sample } from "./read_sample.ts";

/** Events in which a warning says what is wrong, and characters of each. */
const SHOWN = 3, MAX_TEXT = 300;

/** The effect of each reason on an event that waits, and the advice against it. Others pass by themselves. */
const REASONS: Readonly<Record<string, readonly [effect: string, advice: string]>> = {
  "invalid": [
    "do not match and become dead letters, `invalid`",
    "let the schema take them too, with new fields optional or with a default, or declare another type",
  ],
  "newer-version": [
    "are of a later version of their schema, and become dead letters, `invalid`, after half an hour",
    "run the release that published them",
  ],
  "unknown-subject": [
    "are of a trigger that it no longer has, and are not handled",
    "keep the trigger until they are handled",
  ],
  "attempts-exhausted": [
    "have used up more attempts than it allows, and become dead letters, `attempts-exhausted`",
    "leave `retry.attempts` as it was until they are done",
  ],
  "expired": ["are older than its `maxAge`, and become dead letters, `expired`", "a longer `maxAge` handles them"],
  "looped": ["end longer chains than its `maxHops`, and become dead letters, `looped`", "a higher `maxHops`"],
};

/** One kind of stored events of a function, and how they are read. */
export interface Place {
  /** Noun for the events, such as `retries`. */
  readonly events: string;
  readonly stream: string;
  /** Returns the delivery that a message will become, or undefined for a message that is not checked. */
  readonly deliveryOf: (message: StoredMsg, nowMs: number) => Delivery | undefined;
  /** Reasons that are not counted here. */
  readonly except: readonly string[];
}

export function waitingIn(stream: string, names: Namespace = NO_NAMESPACE): Place {
  const deliveryOf = (message: StoredMsg) => storedDelivery(stream, message, message.subject, names);
  return { events: `events that wait in ${stream}`, stream, deliveryOf, except: ["expired"] }; // counted exactly
}

export function retryPlace(names: Namespace): Place {
  const { stream } = names.retries;
  return {
    events: "retries",
    stream,
    deliveryOf: (message) => {
      // Positions are no events, and a delayed event does not reach the handler of the function that emitted it.
      if (isPosition(message.subject, names) || message.header.get(DELAYED_EVENT)) return undefined;
      return storedDelivery(stream, message, targetOf(message), names);
    },
    except: [],
  };
}

export function deadLetterPlace(names: Namespace): Place {
  const { stream } = names.deadLetters;
  return {
    events: "dead letters, if they are redriven,",
    stream,
    deliveryOf: (message, nowMs) => {
      const { header } = message, subject = names.typeOf(message.subject);
      // An event that was refused before is not refused because of this change. The payload of a large event is stored
      // elsewhere.
      if (header.get(DELAYED_EVENT)) return undefined;
      if (isChunk(subject) || header.get("weir-reason") === "invalid" || header.get("weir-payload")) return undefined;
      const type = header.get("weir-subject") || subject.split(".").slice(2).join(".");
      return { ...storedDelivery(stream, message, undefined, names), subject: type, storedAtMs: nowMs };
    },
    except: ["looped"], // a redrive begins the chain anew
  };
}

function targetOf({ header, subject }: StoredMsg): string {
  return header.get("Nats-Schedule-Target") || subject;
}

/** Returns a warning for each reason for which a function will not handle events of a sample. */
export function refusedWarnings(fn: ResolvedFunction, place: Place, sample: Sample, nowMs: number): string[] {
  const refused: (Foreseen & { sequence: number; type: string })[] = [];
  let read = 0;
  for (const message of sample.messages) {
    const delivery = place.deliveryOf(message, nowMs);
    if (!delivery) continue;
    read++;
    const foreseen = foresee(fn, delivery, nowMs);
    if (foreseen) refused.push({ ...foreseen, sequence: message.seq, type: delivery.subject });
  }
  const groups = Map.groupBy(refused, ({ reason }) => reason);
  return [...groups].filter(([reason]) => reason in REASONS && !place.except.includes(reason)).map(
    ([reason, group]) => {
      const [effect, advice] = REASONS[reason];
      const shown = group.length <= SHOWN ? group : [...group.slice(0, SHOWN - 1), group.at(-1)!];
      const texts = shown.map(({ sequence, type, message }) => {
        return `${place.stream} ${sequence} (${shorten(type, MAX_TEXT)}): ${shorten(message, MAX_TEXT)}`;
      });
      const what = `${group.length} of ${read} ${place.events} ${effect}`;
      return `${fn.name}: ${what}${extent(sample)}: ${advice}. ${texts.join(" | ")}`;
    },
  );
}

/** Says which part of the messages was read, unless all were. */
function extent({ messages, total }: Sample): string {
  if (total !== undefined && total <= messages.length) return "";
  if (total === undefined) return ` (the oldest ${messages.length} were read)`;
  return ` (the oldest and the newest of ${total} were read)`;
}
