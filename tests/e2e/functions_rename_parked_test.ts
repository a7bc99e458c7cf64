import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import { type Cluster, connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { DeadLetterService } from "../../runtime/nats/dead_letters/service.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";
import { Asked, inTheirOrder, parking } from "./parking.ts";

Deno.test("functions rename takes parked keys to the new name, and a redrive of the first returns the others in order", async () => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const weir = commandRunner(project.path, broker.server.url), { parks, state, handled } = parking();
  const start = (name: string) => startTestRuntime({ functions: { [name]: parks }, server: broker.server });
  const letters = async () => (await broker.jsm.streams.info("DEAD_LETTERS")).state.messages;
  {
    await using runtime = await start("ship");
    for (let n = 0; n < 20; n++) await runtime.publish(Asked, { n, key: "bad" });
    await runtime.publish(Asked, { n: 0, key: "good" });
    await eventually(async () => await letters() === 20 && handled.length === 1);
  }
  await nothingPulls(broker.jsm);
  const { text } = await weir("functions", "rename", "ship", "deliver");
  assert.match(text, /^ship is deliver now: 0 retries, 20 dead letters and 0 handled events moved/);
  await using runtime = await start("deliver");
  await runtime.publish(Asked, { n: 20, key: "bad" });
  await eventually(async () => await letters() === 21);
  assert.deepEqual(handled, ["good 0"], "the key stays parked");
  state.works = true;
  const response = await fetch(`${runtime.adminUrl}/dead-letters/redrive`, { method: "POST" });
  const { redriven, parked } = await response.json();
  assert.deepEqual([redriven, parked], [1, 20]);
  await eventually(() => handled.length === 22);
  assert.deepEqual(handled.slice(1), inTheirOrder(21));
});

Deno.test("functions rename ends a redrive that was interrupted: its event comes once, and the parked ones follow", async () => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const weir = commandRunner(project.path, broker.server.url), { parks, state, handled } = parking();
  const start = (name: string) => startTestRuntime({ functions: { [name]: parks }, server: broker.server });
  const letters = async () => (await broker.jsm.streams.info("DEAD_LETTERS")).state.messages;
  {
    await using runtime = await start("ship");
    for (let n = 0; n < 4; n++) await runtime.publish(Asked, { n, key: "bad" });
    await eventually(async () => await letters() === 4);
  }
  await nothingPulls(broker.jsm);
  const env: Record<string, string> = { NATS_URL: broker.server.url };
  const cluster = await connectCluster(readConfig({ get: (name) => env[name], readFile: () => "" }));
  broker.defer(() => cluster.close());
  const publish: Cluster["messages"]["publish"] = async (...message) => {
    await cluster.messages.publish(...message);
    throw new Error("interrupted"); // after the event is stored, before its dead letter is deleted
  };
  const service = new DeadLetterService({ ...cluster, messages: { publish } as Cluster["messages"] });
  const [first] = await Array.fromAsync(service.list({ reason: "attempts-exhausted" }));
  await assert.rejects(service.redrive(first.sequence, false), /interrupted/);
  assert.equal(await letters(), 4);

  const { text } = await weir("functions", "rename", "ship", "deliver");
  assert.match(text, /^ship is deliver now: 1 retries, 3 dead letters and 0 handled events moved/);
  state.works = true;
  await using _ = await start("deliver");
  await eventually(async () => handled.length >= 4 && await letters() === 0);
  assert.deepEqual(handled, inTheirOrder(4));
});
