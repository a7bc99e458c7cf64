/**
 * How long what is held stays ours, from every side of it. The sum must stay below the server's own wait: a sign of
 * life may be `EXTEND_MS` old when all falls silent, and `LAPSE_MS` of silence later it still is: 13 of 15 seconds.
 */

/** How long JetStream waits for a sign of life before it hands a message to somebody else. */
export const ACK_WAIT_MS = 15_000;
/** How often it is given one of everything that is held. */
export const EXTEND_MS = ACK_WAIT_MS / 3;
/** After so long without one, what was handed out before may be somebody else's by now. */
export const LAPSE_MS = 8_000;
/** How often a thread shows that it is well. */
export const TICK_MS = 1_000;
/** Without a tick for so long, the thread is blocked: by a handler that computes, as a rule. */
export const BLOCKED_MS = 3_000;
