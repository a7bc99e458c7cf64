import assert from "node:assert/strict";
import fc from "fast-check";
import type { Clock } from "../../runtime/engine/clock.ts";
import { type RunningHandler, RunningHandlers } from "../../runtime/engine/running_handlers.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

interface Named extends RunningHandler {
  readonly name: string;
}

/** Handlers with a timeout of a second, and the names of those that expired. */
function setup(expire: (handler: Named) => void = () => {}, clockOf: (clock: TestClock) => Clock = (clock) => clock) {
  const clock = new TestClock(), expired: string[] = [];
  const running = new RunningHandlers<Named>(1_000, clockOf(clock), (handler) => {
    running.delete(handler);
    expired.push(handler.name);
    expire(handler);
  });
  const start = (name: string): Named => {
    const handler = { name, slot: -1, startedMs: clock.now() };
    running.add(handler);
    return handler;
  };
  return { clock, running, expired, start };
}

Deno.test("RunningHandlers expires a handler once, when its time has passed", () => {
  const { clock, expired, start } = setup();
  start("a");
  clock.move(999);
  assert.deepEqual(expired, []);
  clock.move(1);
  assert.deepEqual(expired, ["a"]);
  clock.move(10_000);
  assert.deepEqual(expired, ["a"]);
  assert.equal(clock.timers, 0);
});

Deno.test("RunningHandlers expires handlers in the order of their starts, each at its own time", () => {
  const { clock, expired, start } = setup();
  start("a");
  clock.move(300);
  start("b");
  clock.move(1);
  start("c");
  clock.move(699);
  assert.deepEqual(expired, ["a"]);
  clock.move(299);
  assert.deepEqual(expired, ["a"]);
  clock.move(2);
  assert.deepEqual(expired, ["a", "b", "c"]);
});

Deno.test("RunningHandlers has one timer for all handlers", () => {
  const { clock, start } = setup();
  for (let i = 0; i < 100; i++) {
    start(`${i}`);
    clock.move(5);
    assert.equal(clock.timers, 1);
  }
  clock.move(600);
  assert.equal(clock.timers, 1);
});

Deno.test("RunningHandlers does not expire a handler that has ended", () => {
  const { clock, running, expired, start } = setup();
  const first = start("a"), second = start("b");
  start("c");
  assert.deepEqual([running.delete(second), running.delete(first), running.delete(first)], [true, true, false]);
  clock.move(1_000);
  assert.deepEqual(expired, ["c"]);
});

Deno.test("RunningHandlers expires a handler at its time while the timer of ended ones still runs", () => {
  const { clock, running, expired, start } = setup();
  running.delete(start("a"));
  clock.move(600);
  start("b");
  clock.move(999);
  assert.deepEqual(expired, []);
  clock.move(1);
  assert.deepEqual(expired, ["b"]);
});

Deno.test("RunningHandlers lets an expiring handler end others", () => {
  const { clock, running, expired, start } = setup(() => running.delete(second));
  start("a");
  clock.move(1);
  const second = start("b");
  clock.move(1);
  start("c");
  clock.move(1_000);
  assert.deepEqual(expired, ["a", "c"]);
});

Deno.test("RunningHandlers lets an expiring handler start another, with one timer", () => {
  const { clock, expired, start } = setup(({ name }) => void (name === "a" && start("next")));
  start("a");
  clock.move(500);
  start("b");
  clock.move(500);
  assert.equal(clock.timers, 1);
  clock.move(500);
  assert.deepEqual(expired, ["a", "b"]);
  clock.move(500);
  assert.deepEqual(expired, ["a", "b", "next"]);
});

Deno.test("RunningHandlers expires a handler that the last one started as it expired", () => {
  const { clock, expired, start } = setup(({ name }) => void (name === "a" && start("next")));
  start("a");
  clock.move(1_000);
  assert.equal(clock.timers, 1);
  clock.move(1_000);
  assert.deepEqual(expired, ["a", "next"]);
  assert.equal(clock.timers, 0);
});

Deno.test("RunningHandlers.stopTimer leaves no timer, and sets one for a handler that starts later", () => {
  const { clock, running, expired, start } = setup();
  running.delete(start("a"));
  running.stopTimer();
  assert.equal(clock.timers, 0);
  clock.move(500);
  start("b");
  clock.move(1_000);
  assert.deepEqual(expired, ["b"]);
});

Deno.test("RunningHandlers sets a timer that fires early again", () => {
  const { clock, expired, start } = setup(undefined, (clock) => ({
    now: clock.now,
    random: clock.random,
    timer: (ms: number, fire: () => void) => clock.timer(ms / 2, fire),
  }));
  start("a");
  clock.move(999);
  assert.deepEqual(expired, []);
  clock.move(1);
  assert.deepEqual(expired, ["a"]);
});

Deno.test("RunningHandlers expires exactly the handlers that run longer than their timeout", () => {
  const steps = fc.array(
    fc.oneof(fc.constant("start"), fc.record({ end: fc.nat() }), fc.record({ waitMs: fc.nat(700) })),
    {
      maxLength: 100,
    },
  );
  fc.assert(fc.property(steps, (all) => {
    const { clock, running, expired, start } = setup();
    const open: Named[] = [], expected: string[] = [];
    for (const [i, step] of all.entries()) {
      if (typeof step === "string") open.push(start(`${i}`));
      else if ("waitMs" in step) {
        clock.move(step.waitMs);
        while (open.length > 0 && open[0].startedMs + 1_000 <= clock.now()) expected.push(open.shift()!.name);
      } else if (open.length > 0) running.delete(open.splice(step.end % open.length, 1)[0]);
      assert.deepEqual(expired.toSorted(), expected.toSorted()); // some start in the same millisecond
      assert.ok(clock.timers <= 1);
    }
  }));
});

Deno.test("RunningHandlers expires few handlers among thousands that have ended", () => {
  const { clock, running, expired, start } = setup();
  for (let i = 0; i < 5_000; i++) {
    const handler = start(`${i}`);
    if (i % 1_500 !== 7) running.delete(handler);
  }
  clock.move(1_000);
  assert.deepEqual(new Set(expired), new Set(["7", "1507", "3007", "4507"]));
});
