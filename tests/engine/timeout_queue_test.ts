import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cancel, TimeoutQueue } from "../../runtime/engine/timeout_queue.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

/** Deadlines of a second, and the list of those that were not met. */
function setup() {
  const clock = new TestClock(), deadlines = new TimeoutQueue(1_000, clock), missed: string[] = [];
  return { clock, deadlines, missed, set: (name: string): Cancel => deadlines.set(() => missed.push(name)) };
}

Deno.test("a deadline falls due when its time is up, not before, and once", () => {
  const { clock, missed, set } = setup();
  set("a");
  clock.move(999);
  assert.deepEqual(missed, []);
  clock.move(1);
  assert.deepEqual(missed, ["a"]);
  clock.move(10_000);
  assert.deepEqual(missed, ["a"]);
  assert.equal(clock.timers, 0);
});

Deno.test("deadlines fall due in the order they were set, each at its own time", () => {
  const { clock, missed, set } = setup();
  set("a");
  clock.move(300);
  set("b");
  set("c");
  clock.move(700);
  assert.deepEqual(missed, ["a"]);
  clock.move(299);
  assert.deepEqual(missed, ["a"]);
  clock.move(1);
  assert.deepEqual(missed, ["a", "b", "c"]);
});

Deno.test("one timer serves them all", () => {
  const { clock, set } = setup();
  for (let i = 0; i < 100; i++) {
    set(`${i}`);
    clock.move(5);
    assert.equal(clock.timers, 1);
  }
  clock.move(600);
  assert.equal(clock.timers, 1);
});

Deno.test("a deadline that was met does not fall due, and those around it do", () => {
  const { clock, missed, set } = setup();
  const first = set("a"), second = set("b");
  set("c");
  second();
  first();
  first();
  clock.move(1_000);
  assert.deepEqual(missed, ["c"]);
});

Deno.test("a deadline set while the timer of earlier ones, all met, still runs falls due at its own time", () => {
  const { clock, missed, set } = setup();
  set("a")();
  clock.move(600);
  set("b");
  clock.move(999);
  assert.deepEqual(missed, []);
  clock.move(1);
  assert.deepEqual(missed, ["b"]);
});

Deno.test("a deadline that falls due may meet others", () => {
  const { clock, deadlines, missed, set } = setup();
  let meet: Cancel = () => {};
  deadlines.set(() => meet());
  meet = set("b");
  set("c");
  clock.move(1_000);
  assert.deepEqual(missed, ["c"]);
});

Deno.test("a deadline that falls due may set another, and one timer still serves them all", () => {
  const { clock, deadlines, missed, set } = setup();
  deadlines.set(() => void set("next"));
  clock.move(500);
  set("b");
  clock.move(500);
  assert.equal(clock.timers, 1);
  clock.move(500);
  assert.deepEqual(missed, ["b"]);
  clock.move(500);
  assert.deepEqual(missed, ["b", "next"]);
});

Deno.test("clear forgets every deadline and its timer, and new ones may be set", () => {
  const { clock, deadlines, missed, set } = setup();
  const old = set("a");
  set("b");
  deadlines.clear();
  assert.equal(clock.timers, 0);
  clock.move(500);
  set("c");
  old();
  clock.move(1_000);
  assert.deepEqual(missed, ["c"]);
});

Deno.test("a timer that comes early finds nothing due and waits on", () => {
  const clock = new TestClock(), missed: string[] = [];
  const early = { now: clock.now, random: clock.random, timer: (ms: number, f: () => void) => clock.timer(ms / 2, f) };
  new TimeoutQueue(1_000, early).set(() => missed.push("a"));
  clock.move(999);
  assert.deepEqual(missed, []);
  clock.move(1);
  assert.deepEqual(missed, ["a"]);
});

Deno.test("whatever is set, met and waited for, just those fall due whose time passed unmet", () => {
  const steps = fc.array(
    fc.oneof(fc.constant("set"), fc.record({ meet: fc.nat() }), fc.record({ waitMs: fc.nat(700) })),
    {
      maxLength: 100,
    },
  );
  fc.assert(fc.property(steps, (all) => {
    const { clock, missed, set } = setup();
    const open: { name: string; atMs: number; cancel: Cancel }[] = [], expected: string[] = [];
    for (const [i, step] of all.entries()) {
      if (typeof step === "string") open.push({ name: `${i}`, atMs: clock.nowMs + 1_000, cancel: set(`${i}`) });
      else if ("waitMs" in step) {
        clock.move(step.waitMs);
        while (open.length > 0 && open[0].atMs <= clock.nowMs) expected.push(open.shift()!.name);
      } else if (open.length > 0) open.splice(step.meet % open.length, 1)[0].cancel();
      assert.deepEqual(missed, expected);
      assert.ok(clock.timers <= 1);
    }
  }));
});

Deno.test("thousands that were met leave the few that were not in order", () => {
  const { clock, missed, set } = setup();
  for (let i = 0; i < 5_000; i++) {
    const cancel = set(`${i}`);
    if (i % 1_500 !== 7) cancel();
  }
  clock.move(1_000);
  assert.deepEqual(missed, ["7", "1507", "3007", "4507"]);
});
