import assert from "node:assert/strict";
import type { BatchPolicy } from "../../runtime/core/batch.ts";
import type { Attempt } from "../../runtime/engine/attempt.ts";
import { BatchCollector } from "../../runtime/engine/batch_collector.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

/** A collector that writes down the batches that begin, and what it gives back. */
function setup(policy: Partial<BatchPolicy> = {}, concurrency = 1) {
  const clock = new TestClock(), begun: string[] = [], givenBack: string[] = [];
  const names = new Map<Attempt, string>();
  const collector = new BatchCollector(
    { size: 3, maxWaitMs: 1_000, maxBytes: 1_000, ...policy },
    concurrency,
    clock,
    (attempts) => void begun.push(attempts.map((attempt) => names.get(attempt)).join(" ")),
  );
  const collect = (name: string, { number = 1, bytes = 1 } = {}) => {
    const attempt = { number, retry: { attempts: 5 }, delivery: { payload: new Uint8Array(bytes) } } as Attempt;
    names.set(attempt, name);
    return collector.collect(attempt).then((begins) => begins || givenBack.push(name));
  };
  return { clock, begun, givenBack, collector, collect };
}

Deno.test("BatchCollector begins a batch that is full by its number of events", () => {
  const { collect, begun } = setup();
  for (const name of ["a", "b"]) void collect(name);
  assert.deepEqual(begun, []);
  void collect("c");
  assert.deepEqual(begun, ["a b c"]);
});

Deno.test("BatchCollector begins a batch that is full by its bytes, with the event that exceeds them", () => {
  const { collect, begun } = setup({ maxBytes: 10 });
  void collect("a", { bytes: 4 });
  void collect("b", { bytes: 60 });
  assert.deepEqual(begun, ["a b"]);
});

Deno.test("BatchCollector begins what its first event has waited for, and counts the wait of the next batch anew", () => {
  const { collect, begun, clock, collector } = setup();
  void collect("a");
  clock.move(999);
  void collect("b");
  assert.deepEqual(begun, []);
  clock.move(1);
  assert.deepEqual(begun, ["a b"]);
  collector.ended();
  void collect("c");
  clock.move(999);
  assert.deepEqual(begun, ["a b"]);
  clock.move(1);
  assert.deepEqual(begun, ["a b", "c"]);
  assert.equal(clock.timers, 0);
});

Deno.test("BatchCollector collects while as many batches run as may, and begins the next with the end of one", () => {
  const { collect, begun, clock, collector } = setup({}, 2);
  for (const name of "abcdefgh") void collect(name);
  assert.deepEqual(begun, ["a b c", "d e f"]);
  clock.move(5_000);
  void collect("i");
  void collect("j");
  collector.ended();
  assert.deepEqual(begun.slice(2), ["g h i"]);
  collector.ended();
  assert.deepEqual(begun.slice(3), []);
  clock.move(1_000);
  assert.deepEqual(begun.slice(3), ["j"]);
});

Deno.test("BatchCollector collects retries apart, in smaller batches, and the last attempt alone", () => {
  const { collect, begun, clock, collector } = setup({ size: 16 }, 9);
  void collect("first");
  void collect("second a", { number: 2 });
  void collect("last", { number: 5 });
  assert.deepEqual(begun, ["last"]);
  void collect("second b", { number: 2 });
  assert.deepEqual(begun, ["last", "second a second b"]);
  clock.move(1_000);
  assert.deepEqual(begun, ["last", "second a second b", "first"]);
  collector.close();
});

Deno.test("BatchCollector begins the batch of the event first that has waited longest", () => {
  const { collect, begun, clock, collector } = setup();
  for (const name of "abc") void collect(name);
  void collect("retry", { number: 5 });
  clock.move(1);
  for (const name of "def") void collect(name);
  collector.ended();
  collector.ended();
  assert.deepEqual(begun, ["a b c", "retry", "d e f"]);
});

Deno.test("BatchCollector.flush begins what is collected, one batch after the other", () => {
  const { collect, begun, collector, clock } = setup({ size: 2 });
  for (const name of "abcde") void collect(name);
  collector.flush();
  collector.ended();
  collector.ended();
  assert.deepEqual(begun, ["a b", "c d", "e"]);
  collector.ended();
  void collect("f");
  assert.equal(begun.length, 3);
  collector.flush();
  assert.deepEqual(begun.slice(3), ["f"]);
  collector.flush();
  assert.equal(clock.timers, 0);
});

Deno.test("BatchCollector.close gives back what has not begun, and all that comes later", async () => {
  const { collect, begun, givenBack, collector, clock } = setup({ size: 2 });
  const collected = [..."abc"].map((name) => collect(name));
  collector.close();
  await Promise.all([...collected, collect("d")]);
  collector.ended();
  assert.deepEqual([begun, givenBack], [["a b"], ["c", "d"]]);
  assert.equal(clock.timers, 0);
});
