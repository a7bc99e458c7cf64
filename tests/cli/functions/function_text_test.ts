import assert from "node:assert/strict";
import { functionText } from "../../../runtime/cli/functions.ts";
import type { FunctionStatus } from "../../../runtime/http/admin/function_routes.ts";
import { POLICY } from "../../support/default_policy.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const STATUS: FunctionStatus = {
  name: "capturePayment",
  triggers: ["stock.reserved"],
  emits: [],
  policy: { ...POLICY, timeout: "10s", dependencies: { PaymentService: { ...POLICY.breaker, openFor: "5s" } } },
  attempts: 5,
  timeout: "10s",
  concurrency: 32,
  inFlight: 2,
  breaker: "closed",
  dependencies: { PaymentService: "open" },
  pending: 7,
  ackPending: 2,
  delayedRetries: undefined,
  oldestWaitingMs: 1_500,
  lastError: { at: "2026-11-21T09:59:48Z", reason: "failed", error: "Error: no\nanswer" },
};

Deno.test("functionText shows the policy with defaults marked, the breakers and the last error", () => {
  assert.equal(
    functionText(STATUS, { terminal: false, colours: false }, NOW),
    `capturePayment
  on                                               stock.reserved
  emits                                            nothing

  retry.attempts                                   5      default
  retry.initial                                    250ms  default
  retry.max                                        1m     default
  retry.factor                                     2      default
  retry.jitter                                     full   default
  timeout                                          10s
  concurrency                                      16     default
  maxHops                                          50     default
  from                                             all    default
  maxAge                                           none   default
  idempotency                                      none   default
  breaker.consecutiveFailures                      10     default
  breaker.interval                                 1m     default
  breaker.openFor                                  30s    default
  breaker.halfOpenProbes                           1      default
  dependencies.PaymentService.consecutiveFailures  10     default
  dependencies.PaymentService.interval             1m     default
  dependencies.PaymentService.openFor              5s
  dependencies.PaymentService.halfOpenProbes       1      default

  breaker                                          closed
  breaker of PaymentService                        open
  in flight                                        2 of 32
  pending                                          7
  unsettled                                        2
  delayed retries                                  unknown
  oldest waiting                                   1.5s
  last error                                       12s ago, failed: Error: no
    answer`,
  );
});

Deno.test("functionText shows that a breaker is shared, and why it is not at the moment", () => {
  const policy = { ...STATUS.policy, breaker: { ...POLICY.breaker, shared: true } } as const;
  const notShared = { "function capturePayment": "it is not shared: no answer" };
  const text = functionText({ ...STATUS, policy, notShared }, { terminal: false, colours: false }, NOW);
  assert.match(text, /^ {2}breaker\.shared +true$/m);
  assert.match(text, /^ {2}breaker of function capturePayment +it is not shared: no answer$/m);
});

Deno.test("functionText shows the resources that a function needs", () => {
  const lines = functionText({ ...STATUS, needs: ["db", "queue"] }, { terminal: false, colours: false }, NOW).split(
    "\n",
  );
  assert.equal(lines.filter((line) => /^ {2}needs +db, queue$/.test(line)).length, 1);
  assert.ok(!functionText(STATUS, { terminal: false, colours: false }, NOW).includes("needs"));
});
