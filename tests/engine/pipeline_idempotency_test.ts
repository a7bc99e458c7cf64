import assert from "node:assert/strict";
import { trace } from "@opentelemetry/api";
import { defineFunction, NonRetryableError } from "weir";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { AttemptCounts, ClaimResult } from "../../runtime/engine/ports.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { MemoryKvStore } from "../../runtime/testing/memory_kv.ts";
import { registryOf } from "../../runtime/testing/modules.ts";
import { delivery } from "../support/deliveries.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What becomes of a delivery of a function with an inbox that answers so, and what was done with its claim. */
async function handled(
  answer: ClaimResult["kind"] | Error,
  { written, deliveryCount = 1, handler = () => {} }: {
    written?: AttemptCounts;
    deliveryCount?: number;
    handler?: () => unknown;
  } = {},
) {
  const clock = new TestClock(delivery().storedAtMs);
  let runs = 0, settledWithClaim = false;
  const definition = defineFunction({ on: "orders.>", retry: { attempts: 1 }, idempotency: true }, () => {
    runs++;
    return handler();
  });
  const [fn] = registryOf({ ship: definition }).functions;
  const claim = { complete: () => Promise.resolve(), release: () => Promise.resolve() };
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    clock,
    publisher: { publish: () => Promise.reject(new Error("nothing is published here")) },
    settler: {
      settle: (_name, _delivery, _outcome, _progress, claimed) => {
        settledWithClaim = claimed === claim;
        return Promise.resolve({ ok: true });
      },
      extend: () => {},
    },
    attempts: { read: () => Promise.resolve(written), write: () => Promise.resolve() },
    idempotency: {
      claim: () => {
        if (answer instanceof Error) return Promise.reject(answer);
        return Promise.resolve(answer === "claimed" ? { kind: answer, claim } : { kind: answer });
      },
    },
    observer: {
      observe: (_invocation, run) => run({ span: trace.getTracer("test").startSpan("test"), log: silent }),
      breakerChanged: () => {},
    },
    kv: new MemoryKvStore(),
  });
  const outcome: Outcome = await pipeline.handle({ ...delivery(), deliveryCount });
  pipeline.runner.giveBackAll();
  return { outcome, runs, settledWithClaim };
}

Deno.test("a claimed event is run, and settled with its claim, however it ends", async () => {
  assert.deepEqual(await handled("claimed"), { outcome: { kind: "ack" }, runs: 1, settledWithClaim: true });
  const rejects = () => {
    throw new NonRetryableError("no");
  };
  const { outcome, runs, settledWithClaim } = await handled("claimed", { handler: rejects });
  assert.deepEqual([outcome.kind, runs, settledWithClaim], ["dead-letter", 1, true]);
});

Deno.test("an event that was handled before is acked without a run", async () => {
  const outcome = { kind: "ack", skipped: "handled-before" };
  assert.deepEqual(await handled("done"), { outcome, runs: 0, settledWithClaim: false });
});

Deno.test("an event that another delivery is at waits for a second at the least, and uses no attempt", async () => {
  const outcome = { kind: "retry", reason: "claim-held", delayMs: 1_000, usesAttempt: false };
  assert.deepEqual(await handled("in-progress"), { outcome, runs: 0, settledWithClaim: false });
});

Deno.test("an inbox that cannot be asked keeps the event waiting, and uses no attempt", async () => {
  const { outcome, runs } = await handled(new Error("no answer"));
  assert.deepEqual([outcome.kind, runs], ["retry", 0]);
  assert.ok(outcome.kind === "retry" && outcome.reason === "state-unavailable" && !outcome.usesAttempt);
});

const SPENT = { written: { begun: 1, free: 0, emitted: true }, deliveryCount: 2 };

Deno.test("an event whose last attempt was completed, and only its ack was lost, has not crashed", async () => {
  const { outcome, runs } = await handled("done", SPENT);
  assert.deepEqual([outcome, runs], [{ kind: "ack", skipped: "handled-before" }, 0]);
});

Deno.test("an event whose last attempt never completed has crashed, and is no longer claimed", async () => {
  const { outcome, runs, settledWithClaim } = await handled("claimed", SPENT);
  assert.ok(outcome.kind === "dead-letter" && outcome.reason === "crashed");
  assert.deepEqual([runs, settledWithClaim], [0, true]);
});

Deno.test("while its last attempt may still be at it, it is not said to have crashed", async () => {
  const { outcome } = await handled("in-progress", SPENT);
  assert.ok(outcome.kind === "retry" && outcome.reason === "claim-held");
});
