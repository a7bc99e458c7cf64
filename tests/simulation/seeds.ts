import assert from "node:assert/strict";
import { describeResult, findSeed, simulate } from "./simulate.ts";

/** Number of schedules: half as many again as must suffice to find any planted bug. `WEIR_SIM_SCHEDULES` raises it. */
const SCHEDULES = Number(Deno.env.get("WEIR_SIM_SCHEDULES") ?? 6_000);
/** Number of files that share them, so that they run in parallel. */
const PARTS = 4;

/**
 * Declares the test of a part of the schedules, from 1 to {@linkcode PARTS}.
 * `WEIR_SIM_SEED=123 deno test -A tests/simulation/` runs one schedule and prints its trace.
 */
export function testSeeds(part: number): void {
  const alone = Deno.env.get("WEIR_SIM_SEED"), each = Math.ceil(SCHEDULES / PARTS);
  const from = (part - 1) * each + 1, to = part * each;
  if (alone !== undefined) {
    if (part > 1) return;
    Deno.test(`simulate settles every event of the schedule ${alone}`, async () => {
      const simulated = await simulate(Number(alone), {}, true);
      console.log(describeResult(simulated));
      assert.deepEqual(simulated.problems, []);
    });
  } else {
    Deno.test(`[G1][G2][G5][G9][G10][G11][G17][G18][G24][G25][G26][G27] simulate settles every event under faults: schedules ${from} to ${to}`, async () => {
      const seed = await findSeed(from, to);
      if (seed === undefined) return;
      const again = `WEIR_SIM_SEED=${seed} deno test -A tests/simulation/`;
      assert.fail(`${describeResult(await simulate(seed, {}, true))}\nto repeat it: ${again}`);
    });
  }
}
