import assert from "node:assert/strict";
import { Random } from "../support/random.ts";
import { runOrder } from "./scenarios/order.ts";
import { progressInTests } from "./trial_asserts.ts";

for (const partitions of [undefined, 4]) {
  Deno.test(`[G24][G25] order keeps the events of each key in order, and never runs two at once, while processes are killed${partitions ? ", with partitions" : ""}`, async () => {
    const { handled, early, overlaps, afterStops, exitCodes } = await runOrder({
      ...{ events: 1_500, keys: 20, perSecond: 150, replicas: partitions ? 3 : 2, kills: 2, stops: 0 },
      partitions,
      random: new Random(1),
      progress: progressInTests,
    });
    assert.deepEqual({ handled, early, overlaps, afterStops }, {
      handled: 1_500,
      early: [],
      overlaps: [],
      afterStops: 0,
    });
    assert.ok(exitCodes.every((code) => code === 0), `runtimes exited with ${exitCodes} after SIGTERM`);
  });
}
