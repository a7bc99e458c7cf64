/** Limit of a function's starts: at most `limit` in any `perMs` milliseconds. */
export interface RateLimitPolicy {
  readonly limit: number;
  readonly perMs: number;
}

/**
 * The starts that still count against a limit, by all processes. A start counts from the moment it is taken until
 * `perMs` after the latest moment at which the handler may begin. Thus the limit holds in any `perMs` milliseconds.
 */
export interface RateWindow {
  /**
   * Times at which starts no longer count, by the server's clock in milliseconds since 1970, and how many; in order.
   */
  readonly ends: readonly (readonly [atMs: number, count: number])[];
  /** Time of the last start that each process took lately, by the id of the process. */
  readonly takers: Readonly<Record<string, number>>;
}

/** Starts that one process takes. */
export interface Take {
  readonly count: number;
  /** Id of the process. */
  readonly by: string;
  /** Time within which the handlers begin, in milliseconds. */
  readonly holdMs: number;
}

export const EMPTY_WINDOW: RateWindow = { ends: [], takers: {} };

/** Parts of `perMs` to which ends are rounded up, which bounds the size of a window. */
const GRID = 100;
/** Shortest time, in milliseconds, for which a process counts as a taker. */
const TAKER_MS = 10_000;

/** Returns the number of starts that may be taken now. */
export function freeStarts({ ends }: RateWindow, limit: number, nowMs: number): number {
  const counting = ends.reduce((sum, [atMs, count]) => atMs > nowMs ? sum + count : sum, 0);
  return Math.max(0, limit - counting);
}

/** Returns the next time at which a start no longer counts. Undefined if none counts. */
export function nextEnd(window: RateWindow, nowMs: number): number | undefined {
  return endOf(window, 1, nowMs);
}

/** Returns the time at which this number of the starts no longer count. Undefined if fewer count now. */
export function endOf({ ends }: RateWindow, starts: number, nowMs: number): number | undefined {
  let ended = 0;
  for (const [atMs, count] of ends) {
    if (atMs > nowMs && (ended += count) >= starts) return atMs;
  }
}

/** Returns the window after a take. It drops what no longer counts. */
export function withTake(
  window: RateWindow,
  { count, by, holdMs }: Take,
  { perMs }: RateLimitPolicy,
  nowMs: number,
): RateWindow {
  const step = Math.max(1, Math.floor(perMs / GRID));
  const endMs = Math.ceil((nowMs + holdMs + perMs) / step) * step;
  const own: RateWindow = { ends: count > 0 ? [[endMs, count]] : [], takers: { [by]: nowMs } };
  return mergeWindows(window, own, perMs, nowMs);
}

/** Returns a window in which the starts of both windows count. */
export function mergeWindows(one: RateWindow, other: RateWindow, perMs: number, nowMs: number): RateWindow {
  const counts = new Map<number, number>();
  for (const [atMs, count] of [...one.ends, ...other.ends]) {
    if (atMs > nowMs) counts.set(atMs, (counts.get(atMs) ?? 0) + count);
  }
  const takers = Object.entries({ ...one.takers, ...other.takers }).filter(([, atMs]) => isRecent(atMs, perMs, nowMs));
  return { ends: [...counts].sort(([a], [b]) => a - b), takers: Object.fromEntries(takers) };
}

/** Reads a stored window. A value of another form, which another client may have written, gives an empty window. */
export function readWindow(value: unknown): RateWindow {
  const { ends, takers } = Object(value) as { ends?: unknown; takers?: unknown };
  const isNumber = (one: unknown) => Number.isFinite(one);
  const isEnd = (one: unknown) => Array.isArray(one) && one.length === 2 && one.every(isNumber);
  if (!Array.isArray(ends) || !ends.every(isEnd)) return EMPTY_WINDOW;
  if (typeof takers !== "object" || takers === null || !Object.values(takers).every(isNumber)) return EMPTY_WINDOW;
  return { ends, takers: takers as RateWindow["takers"] };
}

function isRecent(atMs: number, perMs: number, nowMs: number): boolean {
  return nowMs - atMs <= Math.max(perMs, TAKER_MS);
}
