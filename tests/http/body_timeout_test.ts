import assert from "node:assert/strict";
import { BodyTimeout } from "../../runtime/http/body_timeout.ts";
import { manualClock } from "../support/clocks.ts";

function setup() {
  const clock = manualClock(), lates: string[] = [];
  const patience = new BodyTimeout(1_000, clock);
  return { clock, lates, wait: (name: string) => patience.wait(() => void lates.push(name)) };
}

Deno.test("whoever is waited for too long is late, each in its own time", async () => {
  const { clock, lates, wait } = setup();
  wait("first");
  await clock.timerSet(1_000);
  clock.advance(400);
  wait("second");
  clock.advance(599);
  assert.deepEqual(lates, []);
  clock.advance(1);
  assert.deepEqual(lates, ["first"]);
  clock.advance(400);
  assert.deepEqual(lates, ["first", "second"]);
});

Deno.test("whoever has come is not late, and others still are", async () => {
  const { clock, lates, wait } = setup();
  const came = wait("first");
  wait("second");
  await clock.timerSet(1_000);
  came();
  clock.advance(1_000);
  assert.deepEqual(lates, ["second"]);
});

Deno.test("after everybody has come the next is waited for anew", async () => {
  const { clock, lates, wait } = setup();
  const came = wait("first");
  await clock.timerSet(1_000);
  came();
  clock.advance(5_000);
  wait("second");
  await clock.timerSet(1_000);
  clock.advance(999);
  assert.deepEqual(lates, []);
  clock.advance(1);
  assert.deepEqual(lates, ["second"]);
});
