import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import { connectCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { desiredState } from "../../runtime/app/desired_state.ts";
import { Namespace, NO_NAMESPACE } from "../../runtime/core/namespace.ts";
import { Migration } from "../../runtime/nats/migrate/migration.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { eventually } from "../support/eventually.ts";
import { Asked, inTheirOrder, parking } from "./parking.ts";

/** Nearly `max_payload`: its dead letter is stored in chunks, which takes longer. */
const LARGE = "x".repeat(1_048_576 - 700);
const EVENTS = 12;

Deno.test("migrate takes parked keys along, and a redrive of the first returns the others in order", async () => {
  await using server = await startServer();
  const { parks, state, handled } = parking();
  const env = (name: string) => ({ NATS_URL: server.url })[name];
  const cluster = await connectCluster(readConfig({ get: env, readFile: () => "" }));
  await using _ = { [Symbol.asyncDispose]: () => cluster.close() };
  const letters = async (stream: string) => {
    const found = await cluster.jsm.streams.info(stream, { subjects_filter: "*.parks.>" });
    return Object.values(found.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  };
  {
    await using runtime = await startTestRuntime({ functions: { parks }, server });
    for (let n = 0; n < EVENTS; n++) await runtime.publish(Asked, { n, key: "bad", text: n % 3 === 1 ? LARGE : "" });
    await eventually(async () => await letters("DEAD_LETTERS") >= EVENTS);
  }
  const shop = new Namespace("shop"), get = (name: string) => name === "WEIR_NAMESPACE" ? "shop" : undefined;
  await ensureTopology(cluster.jsm, desiredState(readConfig({ get, readFile: () => "" }), registryOf({ parks })));
  const migration = new Migration({ ...cluster, from: NO_NAMESPACE, to: shop }, ["parks"]);
  const moved = await migration.run([], new AbortController().signal);
  assert.equal(moved.deadLetters, EVENTS);

  await using runtime = await startTestRuntime({ functions: { parks }, server, env: { WEIR_NAMESPACE: "shop" } });
  await runtime.publish(Asked, { n: EVENTS, key: "bad", text: "" });
  const listed = async () => await (await fetch(`${runtime.adminUrl}/dead-letters?reason=parked`)).json();
  await eventually(async () => (await listed()).length === EVENTS);
  state.works = true;
  const redriven = await (await fetch(`${runtime.adminUrl}/dead-letters/redrive`, { method: "POST" })).json();
  assert.deepEqual([redriven.redriven, redriven.parked], [1, EVENTS]);
  await eventually(() => handled.length === EVENTS + 1);
  assert.deepEqual(handled, inTheirOrder(EVENTS + 1));
});
