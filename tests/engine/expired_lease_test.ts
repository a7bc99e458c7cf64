import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { EMPTY_WINDOW } from "../../runtime/core/rate_window.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import { MemoryKvStore } from "../../runtime/testing/memory_kv_store.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE } from "../support/invocation.ts";

/** Returns the outcome of a delivery that its rate refuses. @param valid Whether the lease holds until then */
async function refusedByRate(valid: boolean) {
  const clock = new TestClock(delivery().storedAtMs),
    by = () => {
      throw new Error("no key");
    };
  const rate = { limit: 1, per: "1s", by } as const;
  const [fn] = registryOf({ ship: defineFunction({ on: "orders.>", rate }, () => {}) }).functions;
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    clock,
    publisher: { publish: (_event, { failed }) => failed(new Error("nothing is published here")) },
    settler: { settle: () => ({ ok: true }), extend: () => {} },
    attempts: {
      read: () => Promise.resolve(undefined),
      write: () => Promise.resolve(),
      markPrefetching: () => Promise.resolve(),
    },
    idempotency: { claim: () => assert.fail("nothing is claimed here") },
    observer: { begin() {}, end() {}, breakerChanged() {} },
    kv: new MemoryKvStore(),
    rates: {
      store: { read: () => Promise.resolve({ window: EMPTY_WINDOW, revision: 0 }), write: () => Promise.resolve(1) },
      reportProblem: () => {},
    },
  });
  const answers = [true], lease = { ...LEASE, isValid: () => answers.shift() ?? valid };
  return await pipeline.handle(pipeline.newAttempt(delivery(), lease));
}

Deno.test("Pipeline stores no retry for an attempt whose lease expired while its rate was asked", async () => {
  assert.partialDeepStrictEqual(await refusedByRate(true), { kind: "retry", reason: "failed" });
  assert.deepEqual(await refusedByRate(false), { kind: "lease-expired" });
});
