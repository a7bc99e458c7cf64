import assert from "node:assert/strict";
import { defineFunction, NonRetryableError } from "weir";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { AttemptCounts } from "../../runtime/engine/attempt_store.ts";
import type { ClaimResult } from "../../runtime/engine/idempotency_store.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { delivery } from "../support/deliveries.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";

/**
 * Handles a delivery of an idempotent function whose store gives that answer. Returns the outcome, and how it was
 * settled.
 */
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
    ...pipelinePorts(clock),
    settler: {
      settle: (_name, _delivery, _outcome, _progress, claimed) => {
        settledWithClaim = claimed === claim;
        return Promise.resolve({ ok: true });
      },
      extend: () => {},
    },
    attempts: {
      read: () => Promise.resolve(written),
      write: () => Promise.resolve(),
      markPrefetching: () => Promise.resolve(),
    },
    idempotency: {
      claim: () => {
        if (answer instanceof Error) return Promise.reject(answer);
        return Promise.resolve(answer === "claimed" ? { kind: answer, claim } : { kind: answer });
      },
    },
  });
  const outcome: Outcome = await pipeline.handle(pipeline.newAttempt({ ...delivery(), deliveryCount }));
  pipeline.runner.abortAll();
  return { outcome, runs, settledWithClaim };
}

Deno.test("Pipeline runs a claimed event, and settles it with its claim", async () => {
  assert.deepEqual(await handled("claimed"), { outcome: { kind: "ack" }, runs: 1, settledWithClaim: true });
  const rejects = () => {
    throw new NonRetryableError("no");
  };
  const { outcome, runs, settledWithClaim } = await handled("claimed", { handler: rejects });
  assert.deepEqual([outcome.kind, runs, settledWithClaim], ["dead-letter", 1, true]);
});

Deno.test("Pipeline acks an event that was handled before, without a run", async () => {
  const outcome = { kind: "ack", skipped: "handled-before" };
  assert.deepEqual(await handled("done"), { outcome, runs: 0, settledWithClaim: false });
});

Deno.test("Pipeline retries an event that another delivery has claimed after at least a second, without using an attempt", async () => {
  const outcome = { kind: "retry", reason: "claim-held", delayMs: 1_000, usesAttempt: false };
  assert.deepEqual(await handled("in-progress"), { outcome, runs: 0, settledWithClaim: false });
});

Deno.test("Pipeline retries an event whose claim fails, without using an attempt", async () => {
  const { outcome, runs } = await handled(new Error("no answer"));
  assert.deepEqual([outcome.kind, runs], ["retry", 0]);
  assert.ok(outcome.kind === "retry" && outcome.reason === "state-unavailable" && !outcome.usesAttempt);
});

const SPENT = { written: { begun: 1, excused: 0, mayHaveEmitted: true, isUnended: true }, deliveryCount: 2 };

Deno.test("Pipeline acks an event whose last attempt completed and only its ack was lost", async () => {
  const { outcome, runs } = await handled("done", SPENT);
  assert.deepEqual([outcome, runs], [{ kind: "ack", skipped: "handled-before" }, 0]);
});

Deno.test("Pipeline ends an event whose last attempt never completed as crashed, and releases its claim", async () => {
  const { outcome, runs, settledWithClaim } = await handled("claimed", SPENT);
  assert.ok(outcome.kind === "dead-letter" && outcome.reason === "crashed");
  assert.deepEqual([runs, settledWithClaim], [0, true]);
});

Deno.test("Pipeline retries an event while its last attempt may still be running", async () => {
  const { outcome } = await handled("in-progress", SPENT);
  assert.ok(outcome.kind === "retry" && outcome.reason === "claim-held");
});
