import assert from "node:assert/strict";
import { BatchCollector } from "../../runtime/engine/batch_collector.ts";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { eventsAtOnce } from "../../runtime/project/batch_policy.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { manualClock } from "../support/clocks.ts";

const attempt = (number = 1) => ({ number, retry: { attempts: 3 }, delivery: { payload: [] } }) as unknown as Attempt;

/** A collector of batches of ten with a `maxWait` of a second, and the sizes of those that began. */
function setup(isAwaited: () => boolean) {
  const clock = manualClock(), sizes: number[] = [];
  const policy = { size: 10, maxWaitMs: 1_000, maxBytes: 1_000 };
  const collector = new BatchCollector(policy, 1, clock, ({ length }) => void sizes.push(length), isAwaited);
  return { clock, sizes, collector };
}

Deno.test("BatchCollector begins a batch after a tenth of maxWait while an event waits for one in it", () => {
  let awaited = true;
  const { clock, sizes, collector } = setup(() => awaited);
  for (let n = 0; n < 3; n++) void collector.collect(attempt());
  clock.advance(99);
  assert.deepEqual(sizes, []);
  clock.advance(1);
  assert.deepEqual(sizes, [3]);
  collector.ended();
  awaited = false;
  void collector.collect(attempt());
  clock.advance(450);
  assert.deepEqual(sizes, [3]);
  awaited = true;
  clock.advance(50);
  assert.deepEqual(sizes, [3, 1]);
});

Deno.test("BatchCollector begins a batch after maxWait if no event waits for those in it", () => {
  const { clock, sizes, collector } = setup(() => false);
  void collector.collect(attempt());
  clock.advance(999);
  assert.deepEqual(sizes, []);
  clock.advance(1);
  assert.deepEqual(sizes, [1]);
});

Deno.test("eventsAtOnce counts, of batches in order, those that run, are collected or wait for their turn", () => {
  const resolved = resolvePolicy({ on: "orders.>", order: { by: () => "key" }, batch: { size: 10 } } as never);
  assert.ok(resolved.ok);
  assert.equal(eventsAtOnce(resolved.policy), 2 * 20 + 256);
});
