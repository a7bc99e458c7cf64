import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { scanStream } from "../../../runtime/nats/inspect/scan_stream.ts";
import { startBroker } from "../../support/nats.ts";

Deno.test("scanStream throws if messages are left and none is delivered, and reads all messages otherwise", async () => {
  await using broker = await startBroker();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  await Promise.all(Array.from({ length: 700 }, () => jetstream(broker.nc).publish("orders.paid")));
  assert.equal((await Array.fromAsync(scanStream(broker.nc, "ORDERS", "orders.>"))).length, 700);
  // A pause stands for a leader that is lost between two fetches.
  await assert.rejects(async () => {
    let read = 0;
    for await (const _ of scanStream(broker.nc, "ORDERS", "orders.>")) {
      if (++read > 1) continue;
      for (const { name } of await Array.fromAsync(broker.jsm.consumers.list("ORDERS"))) {
        await broker.jsm.consumers.pause("ORDERS", name, new Date(Date.now() + 60_000));
      }
    }
  }, /200 messages of ORDERS were not delivered/);
});

Deno.test("scanStream ends if the stream removes the messages that are left", async () => {
  await using broker = await startBroker();
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  await Promise.all(Array.from({ length: 700 }, () => jetstream(broker.nc).publish("orders.paid")));
  let read = 0;
  for await (const _ of scanStream(broker.nc, "ORDERS", "orders.>")) {
    if (++read === 500) await broker.jsm.streams.purge("ORDERS");
  }
  assert.equal(read, 500);
});
