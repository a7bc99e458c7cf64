import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { runRolling } from "../chaos/rolling/run_rolling.ts";
import { progressInTests } from "../chaos/trial_asserts.ts";

Deno.test("rolling deploy of another release, and back, refuses no request, and loses and repeats no event", async () => {
  await using server = await startServer();
  const rolled = await runRolling({
    servers: [server.url],
    replicas: 3,
    events: 500,
    perSecond: 50,
    progress: progressInTests,
  });
  const { accepted, effectsOf, exitCodes, ...counts } = rolled;
  assert.deepEqual(counts, { errors: [], lost: [], repeated: [], storedTwice: 0, deadLetters: 0 });
  assert.ok(accepted >= 500 && effectsOf[1] > 0 && effectsOf[2] > 0, Deno.inspect(rolled));
  assert.deepEqual(exitCodes, Array(9).fill(0));
});
