import assert from "node:assert/strict";
import { defineFunction } from "weir";
import { invoke, TestClock } from "weir/testing";

function setup() {
  const clock = new TestClock("2026-02-03T00:00:00Z"), done: string[] = [];
  const sleep = (ms: number) => new Promise<void>((resolve) => void clock.timer(ms, resolve));
  return { clock, done, sleep };
}

Deno.test("TestClock starts at the given time, and refuses other text", () => {
  assert.equal(new TestClock("2026-02-03T00:00:00Z").now(), Date.UTC(2026, 1, 3));
  assert.equal(new TestClock(5).now(), 5);
  assert.throws(() => new TestClock("soon"), /TestClock: "soon" is not a time/);
});

Deno.test("TestClock.advance fires timers that its own timers set", async () => {
  const { clock, done, sleep } = setup();
  void (async () => {
    await sleep(1_000);
    done.push(`first at ${clock.now() % 60_000}`);
    await sleep(1_000);
    done.push(`second at ${clock.now() % 60_000}`);
  })();
  await clock.advance("5s");
  assert.deepEqual(done, ["first at 1000", "second at 2000"]);
  assert.equal(clock.now() % 60_000, 5_000);
});

Deno.test("TestClock fires timers in order, except cancelled ones", async () => {
  const { clock, done } = setup();
  clock.timer(30, () => done.push("late"));
  clock.timer(10, () => done.push("early"));
  clock.timer(20, () => done.push("never"))();
  await clock.advance(29);
  assert.deepEqual([done, clock.timers], [["early"], 1]);
  await clock.advance(1);
  assert.deepEqual(done, ["early", "late"]);
});

Deno.test("TestClock.advance refuses text that is not a duration", async () => {
  await assert.rejects(
    setup().clock.advance("5 s" as "5s"),
    /"5 s" is not a duration: milliseconds, or text such as/,
  );
});

Deno.test("TestClock.next moves to the timeout of a handler", async () => {
  const hangs = defineFunction({ on: "demo.asked", timeout: "1h" }, () => new Promise(() => {}));
  const clock = new TestClock(), running = invoke(hangs, {}, { clock });
  assert.equal(await clock.next(), true);
  assert.equal((await running).outcome.kind, "retry");
  assert.equal(await clock.next(), false);
});

Deno.test("TestClock is the clock of ctx.now, so that a test can let a day go by", async () => {
  const clock = new TestClock(), seen: number[] = [];
  const remind = defineFunction({ on: "demo.asked" }, (_event, { now }) => void seen.push(now()));
  await invoke(remind, {}, { clock });
  await clock.advance("1d");
  await invoke(remind, {}, { clock });
  assert.equal(seen[1] - seen[0], 86_400_000);
});
