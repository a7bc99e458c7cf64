import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { connectCluster } from "../../../runtime/app/cluster.ts";
import { readConfig } from "../../../runtime/app/config.ts";
import { renameFunction } from "../../../runtime/nats/rename/rename_function.ts";
import { eventually } from "../../support/eventually.ts";
import { startBroker } from "../../support/nats.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

/** A broker, and a cluster on it, where each of some functions has delayed one event by an hour. */
async function setup(...names: string[]) {
  const broker = await startBroker();
  const functions = Object.fromEntries(names.map((name) => [
    name,
    defineFunction({ on: Asked }, () => {
      throw new RetryAfterError("1h");
    }),
  ]));
  {
    await using runtime = await startTestRuntime({ functions, server: broker.server });
    await runtime.publish(Asked, { n: 1 });
    await eventually(async () => (await broker.jsm.streams.info("RETRIES")).state.messages === names.length);
  }
  const cluster = await connectCluster(
    readConfig({ get: (name) => ({ NATS_URL: broker.server.url })[name], readFile: () => "" }),
  );
  broker.defer(() => cluster.close());
  return { broker, cluster, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

for (const name of ["due", "delayed", "retries"]) {
  Deno.test(`renameFunction moves a delayed retry of a function named ${name}`, async () => {
    await using all = await setup(name);
    assert.equal((await renameFunction(all.cluster, name, "ship")).retries, 1);
    const { subjects } = (await all.broker.jsm.streams.info("RETRIES", { subjects_filter: ">" })).state;
    assert.deepEqual(Object.keys(subjects ?? {}).map((subject) => subject.split(".").slice(0, 3).join(".")), [
      "retries.delayed.ship",
    ]);
    const moved = await all.broker.jsm.streams.getMessage("RETRIES", { last_by_subj: Object.keys(subjects!)[0] });
    assert.equal(moved?.header.get("Nats-Schedule-Target"), "retries.due.ship.demo.asked");
  });
}

Deno.test("renameFunction refuses another new name, and the new name as the old, until it is finished", async () => {
  await using all = await setup("ship");
  const { cluster } = all, interrupted = () => Promise.reject(new Error("interrupted"));
  const messages = { publish: interrupted } as unknown as typeof cluster.messages;
  await assert.rejects(renameFunction({ ...cluster, messages }, "ship", "deliver"), /^Error: interrupted$/);
  const unfinished = /^Error: the rename of ship to deliver is not finished: `functions rename ship deliver`$/;
  await assert.rejects(renameFunction(cluster, "ship", "send"), unfinished);
  await assert.rejects(renameFunction(cluster, "deliver", "send"), unfinished);
  assert.equal((await renameFunction(cluster, "ship", "deliver")).retries, 1);
  assert.equal((await renameFunction(cluster, "deliver", "send")).retries, 1);
});

Deno.test("renameFunction refuses a new name under which a stream has a consumer, before it changes anything", async () => {
  await using all = await setup("ship");
  const { broker: { jsm }, cluster } = all;
  await jsm.consumers.add("DEMO", { durable_name: "deliver" });
  await assert.rejects(
    renameFunction(cluster, "ship", "deliver"),
    /^Error: DEMO has a consumer deliver already, which is not Weir's$/,
  );
  assert.deepEqual((await Array.fromAsync(jsm.consumers.list("RETRIES"))).map(({ name }) => name), ["ship"]);
});

Deno.test("renameFunction refuses while a replay of the function is not finished", async () => {
  await using all = await setup("ship");
  const { nc } = all.cluster;
  await nc.request("retries.replay.ship.position.stored", "{}"); // the server answers once it is stored
  await assert.rejects(
    renameFunction(all.cluster, "ship", "deliver"),
    /^Error: a replay of ship is not finished: run it again, or `replay ship --abandon`$/,
  );
});

Deno.test("renameFunction refuses while a move of the function's events is not finished", async () => {
  await using all = await setup("ship");
  const { nc } = all.cluster, record = { type: "demo.asked", from: "DEMO", to: "NEXT" };
  await nc.request("retries.move.ship.position.stored", JSON.stringify(record), { timeout: 30_000 });
  await assert.rejects(
    renameFunction(all.cluster, "ship", "deliver"),
    /^Error: a move of events of ship is not finished: `events move demo\.asked --from DEMO --to NEXT`$/,
  );
});
