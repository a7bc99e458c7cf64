import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { cancelEvent } from "../../../runtime/nats/retry/cancelled_events.ts";
import { startBroker } from "../../support/nats.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("cancelEvent keeps what other commands changed since its caller found the event", async () => {
  await using broker = await startBroker();
  const { jsm } = broker, ship = defineFunction({ on: Asked }, () => {});
  await using _ = await startTestRuntime({ functions: { ship }, server: broker.server });
  const found = await jsm.consumers.info("RETRIES", "ship");
  await cancelEvent(jsm, found, "DEMO", 1);
  await jsm.consumers.pause("RETRIES", "ship", new Date(Date.now() + 3_600_000));
  await cancelEvent(jsm, found, "DEMO", 2);
  const { config, paused } = await jsm.consumers.info("RETRIES", "ship") as typeof found & { paused?: boolean };
  assert.deepEqual(Object.keys(JSON.parse(config.metadata!["weir-cancelled"])), ["DEMO.1", "DEMO.2"]);
  assert.equal(paused, true);
});
