import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { LateDedup } from "../../runtime/nats/publish/late_dedup.ts";
import { JetStreamPublisher } from "../../runtime/nats/publish/jetstream_publisher.ts";
import { renameFunction } from "../../runtime/nats/rename/rename_function.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";
import { Asked, type Data, inOrder, status } from "./ordered_replicas.ts";

const KEYS = Array.from({ length: 5 }, (_, i) => `key ${i}`);

Deno.test("functions rename takes a function with partitions along, refuses it while events wait in them, and keeps each key in order", async () => {
  const starts: Data[] = [], gate = Promise.withResolvers<void>();
  const ordered = () =>
    defineFunction({ on: Asked, order: { by: ({ data }) => data.key, partitions: 2 }, timeout: "5m" }, ({ data }) => {
      starts.push(data);
      return gate.promise;
    });
  await using server = await startServer();
  const nc = await connectNats({ servers: [server.url], name: "test" }), jsm = await jetstreamManager(nc);
  const messages = new JetStreamPublisher(nc, systemClock), duplicates = new LateDedup(nc, jsm, systemClock);
  const rename = () => renameFunction({ nc, jsm, names: NO_NAMESPACE, messages, duplicates }, "before", "after");
  {
    await using runtime = await startTestRuntime({ functions: { before: ordered() }, server });
    for (let n = 0; n < 20; n++) await runtime.publish(Asked, { n, key: KEYS[n % 5] });
    await eventually(async () => (await jsm.streams.info("ORDER_PARTITIONS")).state.messages === 20);
    await eventually(() => starts.length === 5);
    await assert.rejects(rename(), /20 events wait in the partitions of before: let its processes handle them first/);
    gate.resolve();
    await eventually(() => starts.length === 20);
    await eventually(async () => (await status(runtime)).pending + (await status(runtime)).ackPending === 0);
  }
  for (let n = 20; n < 40; n++) nc.publish(Asked.type, JSON.stringify({ n, key: KEYS[n % 5] }));
  await nc.flush();
  await rename();
  await using _runtime = await startTestRuntime({ functions: { after: ordered() }, server });
  await eventually(() => starts.length === 40);
  for (const [i, key] of KEYS.entries()) {
    assert.deepEqual(inOrder(starts, key), Array.from({ length: 8 }, (_, n) => 5 * n + i), key);
  }
  const consumers = await Array.fromAsync(jsm.consumers.list("ORDER_PARTITIONS"));
  assert.deepEqual(consumers.map(({ name }) => name).sort(), ["after@0", "after@1"]);
  messages.close();
  await nc.close();
});

Deno.test("events cancel finds an event that left its work queue for a partition", async () => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const { jsm, server } = broker, seen: number[] = [], gate = Promise.withResolvers<void>();
  await jsm.streams.add({ name: "JOBS", subjects: ["jobs.>"], retention: "workqueue" as never });
  const print = defineFunction(
    { on: { pattern: "jobs.>", stream: "JOBS" }, order: { by: () => "one", partitions: 2 }, timeout: "5m" },
    ({ data }) => {
      seen.push((data as { n: number }).n);
      return gate.promise;
    },
  );
  const start = () => startTestRuntime({ functions: { print }, server, env: { SHUTDOWN_GRACE: "100ms" } });
  {
    await using _ = await start();
    for (const n of [1, 2, 3]) broker.nc.publish("jobs.print", JSON.stringify({ n }));
    await eventually(async () => seen.length === 1 && (await jsm.streams.info("JOBS")).state.messages === 0);
  }
  await using weir = await startCommands(project.path, server.url);
  const cancel = (sequence: string) => weir("events", "cancel", "JOBS", sequence, "--function", "print");
  assert.match((await cancel("2")).text, /^2 of JOBS becomes a dead letter of print at its next attempt/);
  assert.equal((await cancel("4")).text, "weir: JOBS stores no event for print at 4");
  gate.resolve();
  await using _ = await start(); // it reads what was cancelled
  await eventually(() => seen.includes(3));
  assert.deepEqual(seen, [1, 1, 3]);
  assert.equal((await jsm.streams.info("DEAD_LETTERS")).state.messages, 1);
});
