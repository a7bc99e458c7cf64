import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { EMPTY_WINDOW } from "../../runtime/core/rate_window.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { Settler, UsedUp } from "../../runtime/engine/settler.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE } from "../support/invocation.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";

type Rate = NonNullable<Parameters<typeof defineFunction>[0]["rate"]>;

/** Handles a delivery. @param lease Its answers, when it is asked whether it is valid */
async function handle(options: { readonly rate?: Rate }, handler: () => void, lease: (asked: number) => boolean) {
  const clock = new TestClock(delivery().storedAtMs), usedUp: (UsedUp | undefined)[] = [];
  const [fn] = registryOf({ ship: defineFunction({ on: "orders.>", ...options }, handler) }).functions;
  const settle: Settler["settle"] = (_name, _delivery, _outcome, used) => (usedUp.push(used), { ok: true });
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    ...pipelinePorts(clock),
    settler: { settle, extend: () => {} },
    rates: {
      store: { read: () => Promise.resolve({ window: EMPTY_WINDOW, revision: 0 }), write: () => Promise.resolve(1) },
      reportProblem: () => {},
    },
  });
  let asked = 0;
  const outcome = await pipeline.handle(
    pipeline.newAttempt(delivery(), { ...LEASE, isValid: () => lease(++asked) }),
  );
  return { outcome, usedUp: usedUp[0] };
}

const fail = () => {
  throw new Error("as planned");
};

Deno.test("Pipeline stores no retry for an attempt whose lease expired while its rate was asked", async () => {
  const rate = { limit: 1, per: "1s", by: fail } as const;
  const held = await handle({ rate }, () => {}, () => true);
  assert.partialDeepStrictEqual(held.outcome, { kind: "retry", reason: "failed" });
  const expired = await handle({ rate }, () => {}, (asked) => asked === 1);
  assert.deepEqual(expired.outcome, { kind: "lease-expired" });
});

Deno.test("Pipeline presumes that another process has emitted, if the lease expired while the handler ran", async () => {
  const held = await handle({}, fail, () => true);
  assert.deepEqual([held.outcome.kind, held.usedUp?.emittedSinceMs], ["retry", undefined]);
  const { storedAtMs } = delivery(), expired = await handle({}, fail, (asked) => asked === 1);
  assert.deepEqual([expired.outcome.kind, expired.usedUp?.emittedSinceMs], ["retry", storedAtMs]);
});
