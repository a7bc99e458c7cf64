import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { countMessages } from "../../../runtime/nats/inspect/count_messages.ts";
import { findStoredEvent } from "../../../runtime/nats/inspect/read_message.ts";
import { NatsKvStore } from "../../../runtime/nats/kv/nats_kv_store.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { LateDedup } from "../../../runtime/nats/publish/late_dedup.ts";
import { DeadLetterService } from "../../../runtime/nats/dead_letters/service.ts";
import { eventually } from "../../support/eventually.ts";
import { startOrders } from "../../support/orders.ts";
import { ODD_HEADERS, publishRaw } from "../../support/publish_raw.ts";
import { withId } from "../../support/storing.ts";
import { HoldingSink } from "../../support/sinks.ts";
import { rejected, startSettling } from "../../support/settling.ts";

for (const [what, block] of ODD_HEADERS) {
  Deno.test(`[G21] PullConsumer delivers a message whose header has ${what}, and the next one`, async () => {
    await using orders = await startOrders();
    const sink = new HoldingSink(8);
    const source = new PullConsumer(orders.nc, "ORDERS", "handle", systemClock);
    orders.defer(() => source.stop());
    source.start(sink);
    await publishRaw(orders.server.port, "orders.created", block, "{}");
    await orders.publish(1);
    await sink.holds(2);
    assert.deepEqual(sink.sequences, [1, 2]);
    assert.equal(sink.held[0].headers.get("ce-id"), "o1");
  });
}

Deno.test("[G6] NatsSettler makes a dead letter of a message with a header that no client writes", async () => {
  await using orders = await startSettling();
  const block = "NATS/1.0\r\nOrder Number: 7\r\nx-note: one\ntwo\r\nce-id: o1\r\n\r\n";
  await publishRaw(orders.server.port, "orders.created", block, "{}");
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), rejected("no")), { ok: true });
  await eventually(async () => (await orders.consumer()).num_ack_pending === 0);
  const stored = await orders.jsm.streams.getMessage("DEAD_LETTERS", { seq: 1 });
  assert.equal(stored?.header.get("ce-id"), "o1");
});

for (const [what, block] of ODD_HEADERS) {
  Deno.test(`[G10][G21] LateDedup finds the message after one whose header has ${what}`, async () => {
    await using orders = await startOrders();
    await publishRaw(orders.server.port, "orders.created", block, "");
    orders.nc.publish("orders.created", "{}", { headers: withId("m2") });
    await orders.publish(1);
    const late = new LateDedup(orders.nc, orders.jsm, { ...systemClock, now: () => Date.now() + 3_600_000 });
    assert.equal((await late.find("orders.created", "m2", 1))?.sequence, 2);
  });

  Deno.test(`the NATS client reads a stored message, a count and a bucket beside a header that has ${what}`, async () => {
    await using orders = await startOrders();
    const { nc, jsm, server } = orders;
    for (const subject of ["orders.created", "dead_letters.handle.orders.created"]) {
      await publishRaw(server.port, subject, block, "");
    }
    assert.equal((await jsm.streams.getMessage("ORDERS", { seq: 1 }))?.header.get("ce-id"), "o1");
    assert.equal(await countMessages(nc, { stream: "ORDERS", subject: "orders.created" }), 1);
    assert.equal((await findStoredEvent(nc, "ORDERS", "orders.created", "o1"))?.sequence, 1);
    const letters = new DeadLetterService({ nc, jsm, messages: new JetStreamPublisher(nc, systemClock) });
    assert.deepEqual((await Array.fromAsync(letters.list({}))).map(({ id }) => id), ["o1"]);
    const bucket = new NatsKvStore(nc, 1).bucket<number>("prices");
    await bucket.put("b", 2);
    await publishRaw(server.port, "$KV.prices.a", block, "1");
    assert.deepEqual([(await bucket.get("a"))?.value, (await bucket.get("b"))?.value], [1, 2]);
  });
}
