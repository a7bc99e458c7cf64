import assert from "node:assert/strict";
import { startBroker } from "../support/nats.ts";
import { CONSUMER_STATEMENTS } from "./conformance_consumers.ts";
import { STREAM_STATEMENTS } from "./conformance_streams.ts";
import { modelDriver } from "./model_driver.ts";
import { serverDriver } from "./server_driver.ts";

const STATEMENTS = { ...STREAM_STATEMENTS, ...CONSUMER_STATEMENTS };

for (const [what, statement] of Object.entries(STATEMENTS)) {
  Deno.test(`the model: ${what}`, () => statement(modelDriver(), "S1"));
}

Deno.test("all that holds of the model holds of the server", async () => {
  await using broker = await startBroker();
  const js = serverDriver(broker);
  // Most of the time is waiting: they wait together, each with a stream of its own.
  const failed = await Promise.all(
    Object.entries(STATEMENTS).map(async ([what, statement], i) => {
      try {
        await statement(js, `S${i + 1}`);
        return [];
      } catch (error) {
        return [`${what}: ${error instanceof Error ? error.message : error}`];
      }
    }),
  );
  assert.deepEqual(failed.flat(), []);
});
