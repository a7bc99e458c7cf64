import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { BodyTimeout } from "../../runtime/http/body_limits.ts";
import { manualClock } from "../support/clocks.ts";

function setup() {
  const clock = manualClock(), late: string[] = [];
  const timeout = new BodyTimeout(1_000, clock);
  return { clock, late, start: (name: string) => timeout.start(() => void late.push(name)) };
}

Deno.test("BodyTimeout times out each body after the limit, counted from its own start", async () => {
  const { clock, late, start } = setup();
  start("first");
  await clock.timerSet(1_000);
  clock.advance(400);
  start("second");
  clock.advance(599);
  assert.deepEqual(late, []);
  clock.advance(1);
  assert.deepEqual(late, ["first"]);
  clock.advance(400);
  assert.deepEqual(late, ["first", "second"]);
});

Deno.test("BodyTimeout does not time out a body that has arrived, and still times out the others", async () => {
  const { clock, late, start } = setup();
  const arrived = start("first");
  start("second");
  await clock.timerSet(1_000);
  arrived();
  clock.advance(1_000);
  assert.deepEqual(late, ["second"]);
});

Deno.test("BodyTimeout sets a new timer after all bodies have arrived", async () => {
  const { clock, late, start } = setup();
  const arrived = start("first");
  await clock.timerSet(1_000);
  arrived();
  clock.advance(5_000);
  start("second");
  await clock.timerSet(1_000);
  clock.advance(999);
  assert.deepEqual(late, []);
  clock.advance(1);
  assert.deepEqual(late, ["second"]);
});

Deno.test("BodyTimeout does not time out a body that arrives within its tick, while others wait", async () => {
  const { clock, late, start } = setup();
  start("first")();
  await new Promise<void>((resolve) => setImmediate(resolve));
  const second = start("second");
  await clock.timerSet(1_000);
  start("third")();
  second();
  await new Promise<void>((resolve) => setImmediate(resolve));
  clock.advance(5_000);
  assert.deepEqual(late, []);
});
