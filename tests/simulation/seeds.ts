import assert from "node:assert/strict";
import { find, report, simulate } from "./simulate.ts";

/**
 * Declares the test of all schedules of a range of seeds. The ranges are files of their own, so that they run in
 * parallel. One seed alone, with its whole trace: `WEIR_SIM_SEED=123 deno test -A tests/simulation/`.
 */
export function testSeeds(from: number, to: number): void {
  const alone = Number(Deno.env.get("WEIR_SIM_SEED") ?? NaN);
  if (from <= alone && alone <= to) {
    Deno.test(`the schedule of seed ${alone} ends as it must`, async () => {
      const simulated = await simulate(alone, {}, true);
      console.log(report(simulated));
      assert.deepEqual(simulated.problems, []);
    });
  } else if (Number.isNaN(alone)) {
    Deno.test(`every event ends as it must, whatever happens: schedules ${from} to ${to}`, async () => {
      const seed = await find(from, to);
      if (seed === undefined) return;
      const again = `WEIR_SIM_SEED=${seed} deno test -A tests/simulation/`;
      assert.fail(`${report(await simulate(seed, {}, true))}\nonce more: ${again}`);
    });
  }
}
