/** How often the condition is asked, unless said otherwise. */
const POLL_MS = 10;
/** Bounds a wait for something that will come: long, since a loaded machine is slow and a wait that succeeds ends early. */
export const WITHIN_MS = 90_000;

/** How long and how often {@linkcode eventually} asks. */
export interface Polling {
  /** In milliseconds. @default {WITHIN_MS} */
  within?: number;
  /** The pause between two tries, in milliseconds. @default 10 */
  every?: number;
}

/**
 * Asks until `condition` yields something truthy, and returns that.
 *
 * For what only a server or another process knows and does not announce. A condition that throws counts as one that
 * does not hold yet; one that never answers is given up as well.
 *
 * @throws {Error} when the time is up, with the condition's source and what it yielded last.
 */
export async function eventually<Value>(
  condition: () => Value | Promise<Value>,
  { within = WITHIN_MS, every = POLL_MS }: Polling = {},
): Promise<NonNullable<Value>> {
  const { promise: timeUp, resolve } = Promise.withResolvers<typeof TIME_UP>();
  const timer = setTimeout(resolve, within, TIME_UP);
  let last: unknown = "no answer yet";
  try {
    while (true) {
      const asked = (async () => await condition())().catch((error) => new Failed(error));
      const answer = await Promise.race([asked, timeUp]);
      if (answer === TIME_UP) throw late(condition, within, last);
      last = answer;
      if (answer && !(answer instanceof Failed)) return answer;
      const pause = new Promise<void>((resolve) => setTimeout(resolve, every));
      if (await Promise.race([pause, timeUp]) === TIME_UP) {
        await pause; // no timer is left behind
        throw late(condition, within, last);
      }
    }
  } finally {
    clearTimeout(timer);
  }
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
