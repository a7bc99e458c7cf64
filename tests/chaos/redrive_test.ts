import assert from "node:assert/strict";
import { Random } from "../support/random.ts";
import { redriveTwice } from "./scenarios/redrive.ts";
import { progressInTests } from "./trial_asserts.ts";

Deno.test("[G22] dead-letters redrive, killed half-way and run again, sends each dead letter back once", async () => {
  const { leftByTheFirst, ...left } = await redriveTwice({
    events: 600,
    random: new Random(1),
    progress: progressInTests,
  });
  assert.ok(leftByTheFirst > 0);
  assert.deepEqual(left, { deadLetters: 0, retries: 0, runOnce: 600, runMoreOften: 0 });
});
