import type { ConsumerSink } from "../../engine/consumer.ts";
import type { PendingPulls } from "./pending_pulls.ts";
import { AHEAD_EXPIRES_MS, EXPIRES_MS, IDLE_HEARTBEAT_MS } from "./pull_timing.ts";

/** Greatest number of pulls ahead that are under way at once. Each may bring its share of the bytes. */
const PULLS_AHEAD = 4;

/** One pull request. */
export interface Pull {
  readonly count: number;
  /** Greatest number of bytes that it brings; Infinity without a limit. */
  readonly bytes: number;
  /**
   * True for a pull of more messages than can begin. It expires soon, since it would otherwise take later events for a
   * process that may be slow by then.
   */
  readonly isAhead: boolean;
}

/**
 * Returns the next pull: for as many messages as can begin and, if there is a backlog, for as many more as the sink
 * takes ahead. Returns undefined if nothing is to be pulled now.
 *
 * @param backlog Number of messages that the consumer has left, as far as is known.
 * @param isTooLarge Whether the next message has more bytes than the last pull allowed.
 */
export function nextPull(
  sink: Pick<ConsumerSink, "credits" | "ahead" | "room" | "roomAhead">,
  nowMs: number,
  pulls: PendingPulls,
  backlog: number,
  isTooLarge: boolean,
): Pull | undefined {
  const free = sink.credits(), pending = pulls.count;
  let ahead = sink.ahead(nowMs, Math.max(0, backlog - free));
  const bytesAhead = ahead > 0 && !isTooLarge && pulls.size < PULLS_AHEAD ? sink.roomAhead() / PULLS_AHEAD : 0;
  if (bytesAhead <= 0) ahead = 0;
  const count = free + ahead - pending;
  // Several small pulls cost more than a larger one a little later.
  if (count < 1 || count * 3 < pending) return undefined;
  const room = sink.room();
  // With a limit of bytes, each pull may bring as many as there is room for, so there is one at a time.
  if (room <= 0 || room !== Infinity && pending > 0) return undefined;
  if (ahead > 0) return { count, bytes: Math.min(room, bytesAhead), isAhead: true };
  return isTooLarge && room !== Infinity
    ? { count: 1, bytes: Infinity, isAhead: false }
    : { count, bytes: room, isAhead: false };
}

/** Returns the body of a pull request. @param claim Further fields. Default: none. */
export function pullRequest({ count, bytes, isAhead }: Pull, claim?: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    batch: count,
    max_bytes: bytes === Infinity ? undefined : Math.ceil(bytes), // the server refuses a fraction
    expires: expiresMs(isAhead) * 1e6,
    idle_heartbeat: isAhead ? undefined : IDLE_HEARTBEAT_MS * 1e6,
    ...claim,
  });
}

/** Returns how long the server keeps a pull. */
export function expiresMs(isAhead: boolean): number {
  return isAhead ? AHEAD_EXPIRES_MS : EXPIRES_MS;
}
