/**
 * Milliseconds between two tries: a twentieth of the time waited so far, within these bounds, and no less than the last
 * try took, up to the upper bound of such a pause. Each try costs processor time: some start a process.
 */
const MIN_POLL_MS = 10, MAX_POLL_MS = 500, POLL_SHARE = 1 / 20, MAX_TRY_MS = 2_000;
/** Milliseconds that bound a wait: long for a loaded machine, since a wait that succeeds ends early. */
export const WITHIN_MS = 90_000;

/** Options of {@linkcode eventually}. */
export interface Polling {
  /** Time limit in milliseconds. @default 90_000 */
  within?: number;
  /** Milliseconds between two tries. @default 10 at first, 500 in a long wait, longer if a try takes long */
  every?: number;
}

/**
 * Calls `condition` until it returns a truthy value, and returns that value.
 *
 * Use it for state that a server or another process does not announce. An error of the condition counts as false. A
 * condition that never resolves is abandoned at the time limit.
 *
 * @throws {Error} At the time limit, with the condition's source and its last result.
 */
export async function eventually<Value>(
  condition: () => Value | Promise<Value>,
  { within = WITHIN_MS, every }: Polling = {},
): Promise<NonNullable<Value>> {
  const { promise: timeUp, resolve } = Promise.withResolvers<typeof TIME_UP>();
  const timer = setTimeout(resolve, within, TIME_UP);
  const fromMs = performance.now();
  let last: unknown = "no answer yet";
  try {
    while (true) {
      const triedAtMs = performance.now();
      const tried = (async () => await condition())().catch((error) => new Failed(error));
      const answer = await Promise.race([tried, timeUp]);
      if (answer === TIME_UP) throw late(condition, within, last);
      last = answer;
      if (answer && !(answer instanceof Failed)) return answer;
      const nowMs = performance.now(), pauseMs = every ?? pollMs(nowMs - fromMs, nowMs - triedAtMs);
      const pause = new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
      if (await Promise.race([pause, timeUp]) === TIME_UP) {
        await pause; // leaves no timer behind
        throw late(condition, within, last);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function pollMs(waitedMs: number, tookMs: number): number {
  return Math.max(MIN_POLL_MS, Math.min(MAX_POLL_MS, waitedMs * POLL_SHARE), Math.min(MAX_TRY_MS, tookMs));
}

const TIME_UP = Symbol("the time is up");

class Failed {
  constructor(readonly cause: unknown) {}
}

function late(condition: () => unknown, within: number, last: unknown): Error {
  const { cause } = last instanceof Failed ? last : {};
  const shown = last instanceof Failed
    ? `it threw ${cause instanceof Error ? cause.message : cause}`
    : Deno.inspect(last);
  return new Error(`not so within ${within} ms: ${condition}\nlast: ${shown}`, { cause });
}
