import type { FormattedPolicy } from "../../runtime/project/format_policy.ts";
import type { DeadLetters } from "../../runtime/http/admin/dead_letter_routes.ts";
import type { Retries } from "../../runtime/http/admin/retry_routes.ts";

/** Dead letters of which there are none. */
export const NO_DEAD_LETTERS: DeadLetters = {
  async *list() {},
  read: () => Promise.resolve(undefined),
  redrive: () => Promise.resolve("missing"),
  redriveAll: () =>
    Promise.resolve({ redriven: 0, "held-back": 0, "no-function": 0, "too-large": 0, missing: 0, failed: 0 }),
  discard: () => Promise.resolve(false),
};

/** No delayed retries. */
export const NO_RETRIES: Retries = { async *list() {}, cancel: () => Promise.resolve(false) };

/** What a function that sets nothing has. */
export const POLICY: FormattedPolicy = {
  retry: { attempts: 5, initial: "250ms", max: "1m", factor: 2, jitter: "full" },
  timeout: "30s",
  concurrency: 16,
  maxAge: null,
  idempotency: null,
  breaker: { consecutiveFailures: 10, interval: "1m", openFor: "30s", halfOpenProbes: 1 },
  dependencies: {},
};
