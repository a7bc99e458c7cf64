import assert from "node:assert/strict";
import { describeResult, findSeed, simulate } from "./simulate.ts";

/**
 * Declares the test of a range of seeds. Each range has its own file, so that they run in parallel.
 * `WEIR_SIM_SEED=123 deno test -A tests/simulation/` runs one seed and prints its trace.
 */
export function testSeeds(from: number, to: number): void {
  const alone = Number(Deno.env.get("WEIR_SIM_SEED") ?? NaN);
  if (from <= alone && alone <= to) {
    Deno.test(`simulate settles every event of the schedule ${alone}`, async () => {
      const simulated = await simulate(alone, {}, true);
      console.log(describeResult(simulated));
      assert.deepEqual(simulated.problems, []);
    });
  } else if (Number.isNaN(alone)) {
    Deno.test(`[G1][G2][G5][G9][G10][G11][G17][G18][G24][G25] simulate settles every event under faults: schedules ${from} to ${to}`, async () => {
      const seed = await findSeed(from, to);
      if (seed === undefined) return;
      const again = `WEIR_SIM_SEED=${seed} deno test -A tests/simulation/`;
      assert.fail(`${describeResult(await simulate(seed, {}, true))}\nto repeat it: ${again}`);
    });
  }
}
