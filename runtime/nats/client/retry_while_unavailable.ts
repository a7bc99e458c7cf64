import type { Log } from "../../api/context.ts";
import type { Clock } from "../../engine/clock.ts";
import { isUnavailable } from "./is_unavailable.ts";

/** Interval in milliseconds at which the wait is logged. */
const REPORT_INTERVAL_MS = 5_000;
/** Pause between two tries in milliseconds. Most tries end by a timeout, which takes seconds. */
const PAUSE_MS = 500;

/** Options of {@linkcode retryWhileUnavailable}. */
interface RetryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Time after which the next failure is final, in milliseconds. */
  readonly limitMs: number;
  /** Ends the wait. Default: never. */
  readonly signal?: AbortSignal;
  /** Whether an error may go away by itself. Default: {@linkcode isUnavailable}. */
  readonly isTransient?: (error: unknown) => boolean;
}

/**
 * Runs a step that needs NATS until NATS answers. Logs every five seconds what the step waits for.
 *
 * @param what The subject of the wait, such as "the streams and consumers".
 * @throws The last error, once the time is up.
 */
export async function retryWhileUnavailable<Value>(
  what: string,
  run: () => Promise<Value>,
  { clock, log, limitMs, signal, isTransient = isUnavailable }: RetryOptions,
): Promise<Value> {
  const startedMs = clock.now(), seconds = () => Math.round((clock.now() - startedMs) / 1_000);
  let last = "no answer yet", cancel = () => {};
  const report = () => {
    log.warn(`waiting for NATS: ${what}`, { error: last, waited_s: seconds(), limit_s: Math.round(limitMs / 1_000) });
    cancel = clock.timer(REPORT_INTERVAL_MS, report);
  };
  cancel = clock.timer(REPORT_INTERVAL_MS, report);
  try {
    while (true) {
      signal?.throwIfAborted();
      try {
        return await run();
      } catch (error) {
        if (!isTransient(error)) throw error;
        last = (error as Error).message;
        if (clock.now() - startedMs < limitMs) {
          await new Promise<void>((resolve) => clock.timer(PAUSE_MS, resolve));
          continue;
        }
        const advice = "check that the servers run and have a leader (`deno task doctor`)";
        throw new Error(`waited ${seconds()} s for NATS: ${what}: ${last}: ${advice}`, { cause: error });
      }
    }
  } finally {
    cancel();
  }
}
