import assert from "node:assert/strict";
import { Timers } from "../../../runtime/nats/consume/timers.ts";
import { manualClock } from "../../support/clocks.ts";

Deno.test("Timers ends all timers, and starts none afterwards", () => {
  const clock = manualClock(), timers = new Timers(clock), fired: string[] = [];
  timers.after(10, () => fired.push("before"));
  timers.after(50, () => fired.push("ended"));
  clock.advance(20);
  timers.end();
  timers.after(10, () => fired.push("after"));
  clock.advance(100);
  assert.deepEqual(fired, ["before"]);
});
