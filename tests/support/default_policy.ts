import type { FormattedPolicy } from "../../runtime/project/format_policy.ts";

/** Effective policy of a function that sets nothing. */
export const POLICY: FormattedPolicy = {
  retry: { attempts: 5, initial: "250ms", max: "1m", factor: 2, jitter: "full" },
  timeout: "20s",
  concurrency: 16,
  maxHops: 50,
  from: "all",
  maxAge: null,
  idempotency: null,
  breaker: { consecutiveFailures: 10, interval: "1m", openFor: "30s", halfOpenProbes: 1 },
  dependencies: {},
};
