import { errors } from "@nats-io/transport-node";
import type { Log } from "../api/context.ts";
import { systemClock } from "../engine/system_clock.ts";
import { retryWhileUnavailable } from "../nats/client/retry_while_unavailable.ts";
import type { Cluster } from "./cluster.ts";

/** Milliseconds that a start waits for NATS to answer. A cluster takes less to start and to elect its leaders. */
const START_WAIT_MS = 60_000;

interface WaitOptions {
  /** Time that NATS has to answer a start, in milliseconds. @default {60000} */
  readonly waitMs?: number;
  /** Aborts when the process stops. Default: never. */
  readonly signal?: AbortSignal;
}

/** Returns a function that runs a step of the start until NATS answers. All steps share the time of `waitMs`. */
export function waitForNats(log: Log, { waitMs = START_WAIT_MS, signal }: WaitOptions) {
  const giveUpAtMs = systemClock.now() + waitMs;
  return <Value>(what: string, step: () => Promise<Value>, isTransient?: (error: unknown) => boolean) => {
    const limitMs = Math.max(0, giveUpAtMs - systemClock.now());
    return retryWhileUnavailable(what, step, { clock: systemClock, log, limitMs, signal, isTransient });
  };
}

/**
 * Waits for a connection until the process stops, since a server may not answer for seconds. A connection that is opened
 * later is closed.
 */
export async function untilStopped(connecting: Promise<Cluster>, signal: AbortSignal | undefined): Promise<Cluster> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => {
    connecting.then((late) => late.close(), () => {});
    reject(signal!.reason);
  };
  signal?.addEventListener("abort", stop);
  try {
    return await Promise.race([stopped, connecting]);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Returns whether NATS may only be late. A refused connection means a wrong address, or that no server runs. */
export function isTimeout(error: unknown): boolean {
  const { cause } = error as Error;
  return cause instanceof errors.TimeoutError || cause instanceof errors.NoRespondersError;
}
