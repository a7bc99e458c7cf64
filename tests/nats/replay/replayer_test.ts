import assert from "node:assert/strict";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { Replayer } from "../../../runtime/nats/replay/replayer.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

Deno.test("Replayer sends an event whose subject has one token as due, not as a delayed retry", async () => {
  await using broker = await startBroker();
  const { nc, jsm } = broker, handled: [type: string, isReplay: boolean][] = [];
  await jsm.streams.add({ name: "LEGACY", subjects: ["asked"] });
  const ship = defineFunction({ on: { pattern: "asked", stream: "LEGACY" } }, ({ type }, { replay }) => {
    handled.push([type, replay !== undefined]);
  });
  await using runtime = await startTestRuntime({ functions: { ship }, server: broker.server });
  nc.publish("asked", "{}");
  await eventually(async () =>
    handled.length === 1 && (await jsm.consumers.info("LEGACY", "ship")).num_ack_pending === 0
  );
  await jsm.consumers.pause("RETRIES", "ship", new Date(Date.now() + 3_600_000));
  const ranges = [{ stream: "LEGACY", filters: ["asked"], from: { sequence: 1 }, until: 1 }];
  const { sent } = await new Replayer(nc, jsm, systemClock, "ship", NO_NAMESPACE).run(
    { id: "replay-1", function: "ship", options: "", where: [], force: false, ranges, read: 0, sent: 0, tooLarge: 0 },
    { perSecond: 1_000, signal: new AbortController().signal, progress: () => {} },
  );
  assert.equal(sent, 1);
  assert.equal((await jsm.streams.info("RETRIES")).state.messages, 1);
  const [fn] = await (await fetch(`${runtime.adminUrl}/functions`)).json();
  assert.equal(fn.delayedRetries, 0, JSON.stringify(fn));
  await jsm.consumers.resume("RETRIES", "ship");
  await eventually(() => handled.length === 2);
  assert.deepEqual(handled, [["asked", false], ["asked", true]]);
});
