/** State of a function at a glance, from worst to best. `unknown`: the server does not answer. */
export type FunctionState =
  | "paused"
  | "breaker-open"
  | "failing"
  | "behind"
  | "retrying"
  | "ok"
  | "idle"
  | "unknown";

/** Milliseconds that the oldest event may wait before a function counts as behind. */
const BEHIND_MS = 10_000;

export interface StateFacts {
  readonly pausedUntil: string | null;
  /** State of its own breaker; undefined if this process does not run it. */
  readonly breaker?: string;
  /** Outcomes of the last ten seconds in this process. */
  readonly handled: number;
  readonly failed: number;
  readonly deadLetters: number;
  readonly rate: number | null;
  readonly pending: number | null;
  readonly oldestMs: number | null;
  readonly retries: number | null;
}

/** Returns the worst that is true of a function. */
export function functionState(
  { pausedUntil, breaker, handled, failed, deadLetters, rate, pending, oldestMs, retries }: StateFacts,
): FunctionState {
  if (pausedUntil !== null) return "paused";
  if (breaker === "open" || breaker === "half-open") return "breaker-open";
  if (deadLetters > 0 || failed > handled) return "failing";
  if ((pending ?? 0) > 0 && (oldestMs ?? 0) > BEHIND_MS) return "behind";
  if (failed > 0 || (retries ?? 0) > 0) return "retrying";
  if (handled > 0 || (rate ?? 0) > 0) return "ok";
  return pending === null && rate === null && breaker === undefined ? "unknown" : "idle";
}
