import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import assert from "node:assert/strict";
import { ConsumerList } from "../../runtime/console/list_consumers.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { connectNats } from "../../runtime/nats/client/connection.ts";
import { LagReader } from "../../runtime/nats/inspect/consumer_lag.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { desired } from "../support/desired.ts";
import { startBroker } from "../support/nats.ts";

const STREAM = { name: "ORDERS", subjects: ["orders.>"] };

/** Returns the consumers of some functions, each on its stream and on RETRIES. */
function durablesOf(names: readonly string[]) {
  return names.flatMap((functionName) => [
    { functionName, consumer: functionName, stream: "ORDERS", filters: ["orders.created"] },
    {
      functionName,
      consumer: functionName,
      stream: "RETRIES",
      filters: [`retries.due.${functionName}.>`, `retries.redriven.${functionName}.>`],
    },
  ]);
}

Deno.test("ConsumerList reads many consumers with one request a stream, and few one by one", async () => {
  await using broker = await startBroker();
  const { nc, jsm } = broker, durables = durablesOf(Array.from({ length: 20 }, (_, n) => `f${n}`));
  await ensureTopology(jsm, desired([STREAM], durables));
  await nc.request("orders.created", "{}");
  const asked: string[] = [];
  nc.subscribe("$JS.API.CONSUMER.>", { callback: (_, { subject }) => void asked.push(subject) });
  const list = new ConsumerList(jsm);
  const reader = new LagReader(nc, jsm, durables, systemClock, undefined, { readConsumers: list.read });
  const lags = await reader.read(0);
  await nc.flush();
  assert.deepEqual(asked.sort(), ["$JS.API.CONSUMER.LIST.ORDERS", "$JS.API.CONSUMER.LIST.RETRIES"]);
  assert.ok([...lags.values()].every(({ pending }) => pending === 1));
  assert.equal(list.delivered().get("f7"), 0);
  asked.length = 0;
  assert.equal((await list.read(durables.slice(0, 2))).size, 2);
  await nc.flush();
  assert.deepEqual(asked.sort(), ["$JS.API.CONSUMER.INFO.ORDERS.f0", "$JS.API.CONSUMER.INFO.RETRIES.f0"]);
});

Deno.test("ConsumerList.keepsUp is false for a consumer in which more waits than it delivers", async () => {
  await using broker = await startBroker();
  const durables = durablesOf(["slow"]), [durable] = durables;
  await ensureTopology(broker.jsm, desired([STREAM], durables));
  const list = new ConsumerList(broker.jsm);
  const readAgain = async () => list.keepsUp(durable, (await list.read(durables)).get(durable)!);
  assert.equal(await readAgain(), true); // the first round knows nothing yet
  await broker.nc.request("orders.created", "{}");
  assert.equal(await readAgain(), false);
  const consumer = await jetstream(broker.nc).consumers.get("ORDERS", "slow");
  const message = await consumer.next();
  assert.equal(await readAgain(), true); // delivered since the round before
  assert.equal(await readAgain(), false); // and not settled
  assert.ok(message);
});

Deno.test("ConsumerList reads consumers one by one if its user may not list them", async () => {
  const config = `authorization { users: [
    { user: all, password: secret }
    { user: some, password: secret, permissions: { publish: { deny: "$JS.API.CONSUMER.LIST.>" } } }
  ] }
  no_auth_user: all`;
  await using broker = await startBroker({ config });
  const durables = durablesOf(["a", "b", "c"]);
  await ensureTopology(broker.jsm, desired([STREAM], durables));
  const some = await connectNats({ servers: [broker.server.url], name: "test", user: "some", password: "secret" });
  broker.defer(() => some.close());
  const list = new ConsumerList(await jetstreamManager(some, { checkAPI: false }));
  for (let round = 0; round < 2; round++) assert.equal((await list.read(durables)).size, 6);
});
