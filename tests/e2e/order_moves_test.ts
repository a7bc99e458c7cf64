import assert from "node:assert/strict";
import { withCluster } from "../../runtime/app/cluster.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { ORDER_GROUP } from "../../runtime/nats/consume/pin_timing.ts";
import { renameFunction } from "../../runtime/nats/rename/rename_function.ts";
import { eventually } from "../support/eventually.ts";
import { movingProject, stream } from "./events_move.ts";

const ORDERED = 'import { defineFunction } from "weir";\nimport { Created } from "../schemas/orders.ts";\n' +
  "export default defineFunction({ on: Created, order: { by: ({ data }) => `${data.n % 2}` } }, () => {});\n";

/** A project whose only function has `order`, with three events, of which one was delivered to a process that died. */
async function orderedBacklog() {
  const all = await movingProject({ mail: ORDERED }), { broker: { nc } } = all;
  assert.equal((await all.weir("apply")).code, 0);
  await all.publish(3);
  const delivered = nc.subscribe("delivered", { max: 1 });
  const pull = JSON.stringify({ batch: 1, expires: 5e9, group: ORDER_GROUP });
  nc.publish("$JS.API.CONSUMER.MSG.NEXT.ORDERS.mail", pull, { reply: "delivered" });
  for await (const { reply } of delivered) assert.match(reply!, /^\$JS\.ACK/);
  return all;
}

const LOST = (events: string) =>
  `${events} of mail on ORDERS would lose the order of their keys: let its processes handle`;

Deno.test("renameFunction refuses what a function with order has not settled, and leaves the rest in its stream", async () => {
  await using all = await orderedBacklog();
  const { broker: { server, jsm } } = all;
  const config = readConfig({ get: (name) => name === "NATS_URL" ? server.url : undefined, readFile: () => "" });
  await withCluster(config, async (cluster) => {
    await assert.rejects(renameFunction(cluster, "mail", "letter"), ({ message }: Error) => {
      return message.includes(LOST("1 event")) && message.includes('`defineFunction({ name: "mail", … })` keeps the');
    });
    assert.equal(await all.waiting("mail"), 3);
    await jsm.streams.deleteMessage("ORDERS", 1); // settles its delivery
    await eventually(async () => (await jsm.consumers.info("ORDERS", "mail")).num_ack_pending === 0);
    await renameFunction(cluster, "mail", "letter");
    assert.equal((await jsm.consumers.info("ORDERS", "letter")).num_pending, 2);
  }, { project: "weir-example" });
});

Deno.test("events move refuses the events of a function with order", async () => {
  await using all = await orderedBacklog();
  await all.change();
  await all.weir("apply");
  const { code, text } = await all.weir("events", "move", "orders.created", "--from", "ORDERS", "--to", "SALES");
  assert.deepEqual([code, text.includes(LOST("3 events"))], [1, true], text);
});

Deno.test("migrate refuses the events of a function with order", async () => {
  await using all = await orderedBacklog();
  await all.declare(stream("ORDERS", "orders.>"));
  const { code, text } = await all.weir.with({ WEIR_NAMESPACE: "shop" })("migrate");
  assert.deepEqual([code, text.includes(LOST("3 events"))], [1, true], text);
});
