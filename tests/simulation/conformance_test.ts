import assert from "node:assert/strict";
import { startBroker } from "../support/nats.ts";
import { CONSUMER_STATEMENTS } from "./conformance_consumers.ts";
import { STREAM_STATEMENTS } from "./conformance_streams.ts";
import { modelDriver } from "./model_driver.ts";
import { serverDriver } from "./server_driver.ts";

const STATEMENTS = { ...STREAM_STATEMENTS, ...CONSUMER_STATEMENTS };

for (const [name, statement] of Object.entries(STATEMENTS)) {
  Deno.test(`JetStreamModel: ${name}`, () => statement(modelDriver(), "S1"));
}

Deno.test("nats-server behaves as JetStreamModel does", async () => {
  await using server = await startBroker();
  const js = serverDriver(server);
  // The tests mostly wait, so they run concurrently, each on its own stream.
  const failed = await Promise.all(
    Object.entries(STATEMENTS).map(async ([name, statement], i) => {
      try {
        await statement(js, `S${i + 1}`);
        return [];
      } catch (error) {
        return [`${name}: ${error instanceof Error ? error.message : error}`];
      }
    }),
  );
  assert.deepEqual(failed.flat(), []);
});
