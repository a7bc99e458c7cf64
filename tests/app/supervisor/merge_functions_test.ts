import assert from "node:assert/strict";
import type { FunctionStatus } from "../../../runtime/http/admin/function_routes.ts";
import { POLICY } from "../../support/default_policy.ts";
import { mergeFunctions } from "../../../runtime/app/supervisor/admin.ts";

const STATUS: FunctionStatus = {
  name: "ship",
  triggers: ["orders.created"],
  emits: [],
  policy: POLICY,
  attempts: 5,
  timeout: "20s",
  concurrency: 16,
  inFlight: 2,
  breaker: "closed",
  dependencies: { Bank: "closed", Mail: "half-open" },
  pending: undefined,
  ackPending: 3,
  delayedRetries: 1,
  oldestWaitingMs: 5_000,
  lastError: { at: "2026-11-21T09:59:48.000Z", reason: "failed", error: "older" },
};

Deno.test("mergeFunctions adds what is in flight, and takes the worst breaker state, the last error and the server's counts", () => {
  const other: FunctionStatus = {
    ...STATUS,
    policy: { ...POLICY, dependencies: { Bank: POLICY.breaker } },
    inFlight: 5,
    breaker: "half-open",
    dependencies: { Bank: "open", Mail: "closed" },
    pending: 7,
    lastError: { at: "2026-11-21T10:00:01.000Z", reason: "failed", error: "newer" },
  };
  const expected: FunctionStatus = {
    ...STATUS,
    policy: other.policy,
    concurrency: 48,
    inFlight: 9,
    breaker: "half-open",
    dependencies: { Bank: "open", Mail: "half-open" },
    pending: 7,
    lastError: other.lastError,
  };
  const another = { ...STATUS, name: "bill" }, third = { ...STATUS, lastError: undefined };
  assert.deepEqual(mergeFunctions([[STATUS, another], [other], [third]]), [expected, another]);
});

Deno.test("mergeFunctions shows the order of the worker that receives the events, and adds what waits", () => {
  const of = (order: FunctionStatus["order"]): FunctionStatus => ({ ...STATUS, order });
  const [{ order }] = mergeFunctions([
    [of({ state: "standby", waiting: 1, blockedKeys: 0, parkedKeys: 0 })],
    [of({ state: "holder", waiting: 5, blockedKeys: 2, parkedKeys: 2 })],
  ]);
  assert.deepEqual(order, { state: "holder", waiting: 6, blockedKeys: 2, parkedKeys: 2 });
});
