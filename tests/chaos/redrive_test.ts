import assert from "node:assert/strict";
import { Dice } from "./dice.ts";
import { redriveTwice } from "./scenarios/redrive.ts";
import { sayInTests } from "./trial_asserts.ts";

Deno.test("a redrive that is killed half-way and run again runs each event once, and leaves no dead letter", async () => {
  const { leftByTheFirst, ...left } = await redriveTwice({ events: 600, dice: new Dice(1), say: sayInTests });
  assert.ok(leftByTheFirst > 0);
  assert.deepEqual(left, { deadLetters: 0, inTheLane: 0, runOnce: 600, runMoreOften: 0 });
});
