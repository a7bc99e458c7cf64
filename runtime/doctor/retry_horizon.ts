import type { FunctionPolicy } from "../project/resolve_policy.ts";
import { RETRY_STREAM_MIN_DELAY_MS } from "../nats/retry/retry_stream.ts";
import { backoffMs } from "../core/backoff.ts";

/** Attempts beyond this add nothing to look at: each has its longest wait by then. */
const MOST_WAITS = 10_000;

/** How long after its first delivery the last attempt of an event may begin: each before it took all of its time. */
export function horizonMs({ retry, timeoutMs }: FunctionPolicy): number {
  return sum(retry.attempts - 1, (n) => timeoutMs + backoffMs({ ...retry, jitter: "none" }, n, 1));
}

/**
 * How much of that an event may spend in its own stream. A longer wait is spent in RETRIES, where no age limit is; but
 * chance may make every wait a short one.
 */
export function inStreamMs({ retry, timeoutMs }: FunctionPolicy): number {
  const jitter = retry.jitter === "full";
  let delayed = false;
  return sum(retry.attempts - 1, (n) => {
    const wait = backoffMs({ ...retry, jitter: "none" }, n, 1);
    if (delayed) return 0;
    if (wait >= RETRY_STREAM_MIN_DELAY_MS && !jitter) delayed = true;
    return timeoutMs + (delayed ? 0 : Math.min(wait, RETRY_STREAM_MIN_DELAY_MS));
  });
}

function sum(count: number, of: (n: number) => number): number {
  let total = 0;
  for (let n = 1; n <= Math.min(count, MOST_WAITS); n++) total += of(n);
  return count > MOST_WAITS ? total + (count - MOST_WAITS) * of(MOST_WAITS) : total;
}
