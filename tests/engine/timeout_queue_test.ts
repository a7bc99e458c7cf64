import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cancel, TimeoutQueue } from "../../runtime/engine/timeout_queue.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

/** Timeouts of a second, and the names of those that expired. */
function setup() {
  const clock = new TestClock(), queue = new TimeoutQueue(1_000, clock), expired: string[] = [];
  return { clock, queue, expired, set: (name: string): Cancel => queue.set(() => expired.push(name)) };
}

Deno.test("TimeoutQueue expires an entry once, when its time has passed", () => {
  const { clock, expired, set } = setup();
  set("a");
  clock.move(999);
  assert.deepEqual(expired, []);
  clock.move(1);
  assert.deepEqual(expired, ["a"]);
  clock.move(10_000);
  assert.deepEqual(expired, ["a"]);
  assert.equal(clock.timers, 0);
});

Deno.test("TimeoutQueue expires entries in the order they were set, each at its own time", () => {
  const { clock, expired, set } = setup();
  set("a");
  clock.move(300);
  set("b");
  set("c");
  clock.move(700);
  assert.deepEqual(expired, ["a"]);
  clock.move(299);
  assert.deepEqual(expired, ["a"]);
  clock.move(1);
  assert.deepEqual(expired, ["a", "b", "c"]);
});

Deno.test("TimeoutQueue has one timer for all entries", () => {
  const { clock, set } = setup();
  for (let i = 0; i < 100; i++) {
    set(`${i}`);
    clock.move(5);
    assert.equal(clock.timers, 1);
  }
  clock.move(600);
  assert.equal(clock.timers, 1);
});

Deno.test("TimeoutQueue does not expire a cancelled entry", () => {
  const { clock, expired, set } = setup();
  const first = set("a"), second = set("b");
  set("c");
  second();
  first();
  first();
  clock.move(1_000);
  assert.deepEqual(expired, ["c"]);
});

Deno.test("TimeoutQueue expires an entry at its time while the timer of cancelled ones still runs", () => {
  const { clock, expired, set } = setup();
  set("a")();
  clock.move(600);
  set("b");
  clock.move(999);
  assert.deepEqual(expired, []);
  clock.move(1);
  assert.deepEqual(expired, ["b"]);
});

Deno.test("TimeoutQueue lets an expiring entry cancel others", () => {
  const { clock, queue, expired, set } = setup();
  let cancel: Cancel = () => {};
  queue.set(() => cancel());
  cancel = set("b");
  set("c");
  clock.move(1_000);
  assert.deepEqual(expired, ["c"]);
});

Deno.test("TimeoutQueue lets an expiring entry set another, with one timer", () => {
  const { clock, queue, expired, set } = setup();
  queue.set(() => void set("next"));
  clock.move(500);
  set("b");
  clock.move(500);
  assert.equal(clock.timers, 1);
  clock.move(500);
  assert.deepEqual(expired, ["b"]);
  clock.move(500);
  assert.deepEqual(expired, ["b", "next"]);
});

Deno.test("TimeoutQueue.clear cancels every entry and the timer, and new entries may be set", () => {
  const { clock, queue, expired, set } = setup();
  const old = set("a");
  set("b");
  queue.clear();
  assert.equal(clock.timers, 0);
  clock.move(500);
  set("c");
  old();
  clock.move(1_000);
  assert.deepEqual(expired, ["c"]);
});

Deno.test("TimeoutQueue sets a timer that fires early again", () => {
  const clock = new TestClock(), expired: string[] = [];
  const early = { now: clock.now, random: clock.random, timer: (ms: number, f: () => void) => clock.timer(ms / 2, f) };
  new TimeoutQueue(1_000, early).set(() => expired.push("a"));
  clock.move(999);
  assert.deepEqual(expired, []);
  clock.move(1);
  assert.deepEqual(expired, ["a"]);
});

Deno.test("TimeoutQueue expires exactly the entries whose time passed uncancelled", () => {
  const steps = fc.array(
    fc.oneof(fc.constant("set"), fc.record({ cancel: fc.nat() }), fc.record({ waitMs: fc.nat(700) })),
    {
      maxLength: 100,
    },
  );
  fc.assert(fc.property(steps, (all) => {
    const { clock, expired, set } = setup();
    const open: { name: string; atMs: number; cancel: Cancel }[] = [], expected: string[] = [];
    for (const [i, step] of all.entries()) {
      if (typeof step === "string") open.push({ name: `${i}`, atMs: clock.nowMs + 1_000, cancel: set(`${i}`) });
      else if ("waitMs" in step) {
        clock.move(step.waitMs);
        while (open.length > 0 && open[0].atMs <= clock.nowMs) expected.push(open.shift()!.name);
      } else if (open.length > 0) open.splice(step.cancel % open.length, 1)[0].cancel();
      assert.deepEqual(expired, expected);
      assert.ok(clock.timers <= 1);
    }
  }));
});

Deno.test("TimeoutQueue keeps the order of few entries among thousands that are cancelled", () => {
  const { clock, expired, set } = setup();
  for (let i = 0; i < 5_000; i++) {
    const cancel = set(`${i}`);
    if (i % 1_500 !== 7) cancel();
  }
  clock.move(1_000);
  assert.deepEqual(expired, ["7", "1507", "3007", "4507"]);
});
