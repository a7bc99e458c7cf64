import type { Clock } from "../../engine/clock.ts";

/** Waits for a promise for a limited time. @throws {Error} when the time is up first. */
export async function withTimeout<Value>(clock: Clock, limitMs: number, promise: Promise<Value>): Promise<Value> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.timer(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
