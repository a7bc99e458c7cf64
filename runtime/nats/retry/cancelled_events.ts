import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import type { Delivery } from "../../core/delivery.ts";
import type { CancelledEvents } from "../../engine/cancelled_events.ts";
import { serverTime } from "../client/server_time.ts";
import type { FoundState } from "../topology/plan.ts";

/** Name of the marks in the metadata of a function's consumer on RETRIES. */
const KEY = "weir-cancelled";
/**
 * Milliseconds for which a mark is kept: seven days, as streams keep events by default. Setting a mark removes expired
 * marks.
 */
const KEPT_MS = 7 * 86_400_000;
/** Greatest number of marks of one function. They share the 128 kB of a consumer's metadata. */
const MAX_MARKS = 1_000;

/** Times at which events were cancelled, in milliseconds since 1970, by `STREAM.SEQUENCE`. */
type Marks = Readonly<Record<string, number>>;

/**
 * The events that an operator has cancelled. They are marks in the metadata of each function's consumer on RETRIES,
 * which every process reads every five seconds anyway.
 */
export class StoredCancelledEvents implements CancelledEvents {
  readonly #marks = new Map<string, Marks>();

  constructor(readonly names: Namespace) {}

  /** Takes the marks from a check of the topology. */
  record({ consumers }: FoundState): void {
    for (const [{ functionName, stream, partition }, info] of consumers) {
      if (stream !== this.names.retries.stream || partition !== undefined || !info) continue;
      if (info.config.metadata?.[KEY] === undefined) this.#marks.delete(functionName);
      else this.#marks.set(functionName, marksOf(info));
    }
  }

  has(functionName: string, { stream, sequence, storedAtMs }: Delivery): boolean {
    if (this.#marks.size === 0) return false; // hot path
    const cancelledMs = this.#marks.get(functionName)?.[`${stream}.${sequence}`];
    // Only what was stored before the cancellation is cancelled. A redrive and a replay of the event are stored later.
    // If the stream was created again, so is the message that now has the event's position.
    return cancelledMs !== undefined && storedAtMs <= cancelledMs;
  }
}

/**
 * Marks an event of a function as cancelled.
 *
 * @param consumer The function's consumer on RETRIES. It is read again, since another command may have changed it.
 * @throws {Error} if the consumer has too many marks.
 */
export async function cancelEvent(
  jsm: JetStreamManager,
  { name, stream_name }: Pick<ConsumerInfo, "name" | "stream_name">,
  stream: string,
  sequence: number,
): Promise<void> {
  const retries = await jsm.consumers.info(stream_name, name), nowMs = serverTime(retries);
  const known = Object.entries(marksOf(retries)).filter(([, cancelledMs]) => nowMs - cancelledMs < KEPT_MS);
  if (known.length >= MAX_MARKS) {
    throw new Error(
      `${name} has ${known.length} cancelled events already: discard events in such numbers by a release`,
    );
  }
  const marks = { ...Object.fromEntries(known), [`${stream}.${sequence}`]: nowMs };
  const metadata = { ...retries.config.metadata, [KEY]: JSON.stringify(marks) };
  await jsm.consumers.update(stream_name, name, { metadata });
}

/** Adds the marks of a function's consumer on RETRIES to the function's consumer in another namespace. */
export async function copyCancelledEvents(jsm: JetStreamManager, from: ConsumerInfo, to: ConsumerInfo): Promise<void> {
  const marks = marksOf(from);
  if (Object.keys(marks).length === 0) return;
  const metadata = { ...to.config.metadata, [KEY]: JSON.stringify({ ...marksOf(to), ...marks }) };
  await jsm.consumers.update(to.stream_name, to.name, { metadata });
}

function marksOf({ config }: ConsumerInfo): Marks {
  try {
    return JSON.parse(config.metadata?.[KEY] ?? "{}");
  } catch {
    return {}; // not written by Weir
  }
}
