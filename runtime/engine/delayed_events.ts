import type { EmitOptions } from "../api/context.ts";
import { HOPS } from "../core/cloudevent.ts";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import type { Delayed, OutgoingEvent } from "../core/event.ts";
import type { Outcome } from "../core/outcome.ts";
import { describeValue } from "../project/option_schemas.ts";
import type { Attempt } from "./attempt.ts";
import type { Publisher } from "./publisher.ts";

/** The events that functions have emitted with a delay, until they are published. */
export interface DelayedEvents {
  /** Stores an event that is published at its time. A second event of the same id replaces the first. */
  readonly publisher: Publisher;
  /**
   * Removes the pending events of a key.
   *
   * @param kept Events that stay: an earlier attempt may have stored them, and this attempt stores them again.
   * @throws {PublishError} when it is not known that all are removed.
   */
  cancel(key: string, kept: readonly OutgoingEvent[]): Promise<void>;
}

/** Outcome of a delayed event that was published. */
export const PUBLISHED: Outcome = { kind: "ack", skipped: "published" };

/**
 * Returns the time at which an emitted event is published, and its key. Undefined for an event that is published at
 * once: the options set no time, or a time in the past.
 *
 * @throws {TypeError} if the options contradict each other or are malformed
 */
export function delayOf(
  { delay, at, key }: EmitOptions,
  functionName: string,
  nowMs: number,
  where: string,
): Delayed | undefined {
  if (delay === undefined && at === undefined) {
    if (key === undefined) return undefined; // hot path
    throw new TypeError(
      `${where} with a key, but at once: a key cancels a delayed event; give it \`delay\` or \`at\` too`,
    );
  }
  if (delay !== undefined && at !== undefined) {
    throw new TypeError(`${where} with \`delay\` and \`at\`: give one of them`);
  }
  if (key !== undefined && (typeof key !== "string" || key === "")) {
    throw new TypeError(`${where} with the key ${describeValue(key)}: a key is a non-empty text`);
  }
  const atMs = at === undefined ? nowMs + delayMsOf(delay, where) : timeOf(at, where);
  if (atMs <= nowMs) return undefined;
  return key === undefined ? { atMs, functionName } : { atMs, key, functionName };
}

function delayMsOf(delay: unknown, where: string): number {
  const ms = parseDuration(delay);
  if (ms !== undefined && ms <= MAX_DELAY_MS) return ms;
  throw new TypeError(
    `${where} with the delay ${describeValue(delay)}: it must be ${DURATION_HELP}, 100 years at most`,
  );
}

function timeOf(at: unknown, where: string): number {
  const ms = at instanceof Date ? at.getTime() : NaN;
  if (ms <= LAST_MS) return ms;
  throw new TypeError(`${where} at ${describeValue(at)}: \`at\` must be a valid Date before the year 10000`);
}

const MAX_DELAY_MS = 100 * 365 * 86_400_000;
/** The last time that RFC 3339 can express. A message schedule has that form. */
const LAST_MS = Date.UTC(9999, 11, 31);

/** Returns the event to publish when a delayed event is due. It is the same at each delivery. */
export function dueEvent({ decoded: { event }, delivery: { payload, headers } }: Attempt): OutgoingEvent {
  const { id, source, time, extensions } = event, hops = Number(headers.get(HOPS));
  return {
    id,
    type: headers.get("ce-type") ?? event.type,
    source,
    time,
    json: new TextDecoder().decode(payload),
    extensions,
    ...(hops > 0 && { hops }), // a redrive starts a new chain
  };
}
