import assert from "node:assert/strict";
import { NonRetryableError } from "weir";
import type { Result } from "../../runtime/core/outcome.ts";
import { AdaptiveRunner } from "../../runtime/engine/adaptive_runner.ts";
import { setup } from "../support/invocation.ts";

/** Runs windows of runs with one result, each of which takes as long, and returns the limits after them. */
async function limitsAfter(windows: number, tookMs: number, result: () => Result | Promise<Result>) {
  const { clock, newAttempt } = setup(), changes: number[] = [];
  const inner = { run: result, abortAll: () => {} };
  const runner = new AdaptiveRunner({ min: 4, max: 32, targetMs: 100 }, inner, clock);
  runner.onChange((limit) => changes.push(limit));
  for (let window = 0; window < windows; window++) {
    for (let round = 0; round < 24; round++) {
      const pending = Array.from({ length: runner.limit }, async () => {
        const waited = Promise.withResolvers<void>();
        clock.timer(tookMs, waited.resolve);
        inner.run = () => waited.promise.then(result);
        return await runner.run(newAttempt());
      });
      await clock.advance(tookMs);
      await Promise.all(pending);
    }
  }
  return changes;
}

const error = { name: "Error", message: "" };

Deno.test("AdaptiveRunner raises its limit while handlers in full use are quick, up to max", async () => {
  assert.deepEqual(await limitsAfter(4, 50, () => ({ kind: "returned" })), [4, 8, 16, 32]);
});

const CONGESTED: readonly Result[] = [
  { kind: "timed-out", error },
  { kind: "retry-after", delayMs: 1, error },
  { kind: "failed", dependency: "Payments", error },
];
const SILENT: readonly Result[] = [
  { kind: "failed", error },
  { kind: "rejected", error },
  { kind: "shutdown" },
  { kind: "dependency-open", dependency: "Payments", retryAtMs: 0, probeFailed: false, error },
  { kind: "unavailable", error },
];
for (const congested of CONGESTED) {
  Deno.test(`AdaptiveRunner lowers its limit after ${congested.kind}, however quick it was`, async () => {
    let runs = 0;
    const limits = await limitsAfter(2, 50, () => runs++ < 300 ? { kind: "returned" } : congested);
    assert.ok(limits.some((limit, i) => limit < limits[i - 1]), limits.join());
  });
}
for (const silent of SILENT) {
  Deno.test(`AdaptiveRunner learns nothing from ${silent.kind} that was quick`, async () => {
    assert.deepEqual(await limitsAfter(2, 50, () => silent), [4]);
  });
}

Deno.test("AdaptiveRunner passes on what its runner returns, and aborts what runs", () => {
  const { runner, clock, newAttempt } = setup(() => {
    throw new NonRetryableError("no");
  });
  const adaptive = new AdaptiveRunner({ min: 1, max: 2, targetMs: 100 }, runner, clock);
  assert.partialDeepStrictEqual(adaptive.run(newAttempt()), { kind: "rejected" });
  adaptive.abortAll();
  assert.deepEqual(adaptive.run(newAttempt()), { kind: "shutdown" });
});
