import assert from "node:assert/strict";
import type { Delivery } from "../../../runtime/core/delivery.ts";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { storedDelivery } from "../../../runtime/nats/consume/parse_delivery.ts";
import { JetStreamPublisher } from "../../../runtime/nats/publish/jetstream_publisher.ts";
import { PendingEvents } from "../../../runtime/nats/retry/pending_events.ts";
import { NO_NAMESPACE } from "../../../runtime/core/namespace.ts";
import { delivery } from "../../support/deliveries.ts";
import { startOrders } from "../../support/orders.ts";

const USED = { attempts: 0, excusedDeliveries: 0 }, HOUR_MS = 3_600_000;

/** Starts a server with the stream RETRIES, and the pending events on it. The server's time is the test's. */
async function setup() {
  const orders = await startOrders();
  const publisher = new JetStreamPublisher(orders.nc, systemClock);
  orders.defer(() => publisher.close());
  const time = { nowMs: Date.now() };
  const events = new PendingEvents(orders.jsm, publisher, { serverNow: () => time.nowMs });
  const postpone = (sequence: number, policy: { quietMs: number; maxMs?: number } = { quietMs: HOUR_MS }, key = "k") =>
    events.postpone("ship", key, event(sequence), USED, policy);
  const pending = (key = "k") =>
    orders.jsm.streams.getMessage("RETRIES", { last_by_subj: `retries.delayed.ship.debounced-${key}` });
  return { ...orders, publisher, time, events, postpone, pending };
}

/** An event of a sequence, stored that many milliseconds after the first. */
function event(sequence: number): Delivery {
  const first = delivery({ payload: JSON.stringify({ n: sequence }) });
  return { ...first, sequence, storedAtMs: first.storedAtMs + sequence, messageKey: `ORDERS.${sequence}.1` };
}

Deno.test("PendingEvents keeps the latest event of a key, whichever comes last", async () => {
  await using broker = await setup();
  for (const sequence of [1, 3, 2]) await broker.postpone(sequence);
  await broker.postpone(1, undefined, "other");
  assert.deepEqual((await broker.pending())!.json(), { n: 3 });
  assert.deepEqual((await broker.pending("other"))!.json(), { n: 1 });
  assert.equal((await broker.jsm.streams.info("RETRIES")).state.messages, 2);
});

Deno.test("PendingEvents keeps the latest of many that come at once", async () => {
  await using broker = await setup();
  const sequences = Array.from({ length: 40 }, (_, i) => (i * 7) % 40 + 1);
  await Promise.all(sequences.map((sequence) => broker.postpone(sequence)));
  assert.deepEqual((await broker.pending())!.json(), { n: 40 });
});

Deno.test("PendingEvents starts the quiet time anew with each event, up to `max` from the first", async () => {
  await using broker = await setup();
  const { time, pending } = broker, startMs = time.nowMs, policy = { quietMs: HOUR_MS, maxMs: 1.5 * HOUR_MS };
  const dueMs = async () => Date.parse((await pending())!.header.get("Nats-Schedule").slice(4)) - startMs;
  await broker.postpone(1, policy);
  assert.equal(await dueMs(), HOUR_MS);
  time.nowMs += HOUR_MS / 4;
  await broker.postpone(2, policy);
  assert.equal(await dueMs(), 1.25 * HOUR_MS);
  time.nowMs += HOUR_MS / 2;
  await broker.postpone(3, policy);
  assert.equal(await dueMs(), 1.5 * HOUR_MS);
});

Deno.test("PendingEvents changes nothing for an event that is pending already, as when its ack was lost", async () => {
  await using broker = await setup();
  await broker.postpone(1);
  const { seq } = (await broker.pending())!;
  await broker.postpone(1);
  assert.equal((await broker.pending())!.seq, seq);
});

Deno.test("PendingEvents brings an event back as it was, and marks that it has waited", async () => {
  await using broker = await setup();
  await broker.postpone(7, { quietMs: HOUR_MS });
  const message = (await broker.pending())!;
  const back = storedDelivery("RETRIES", message, message.header.get("Nats-Schedule-Target"), NO_NAMESPACE);
  const { stream, sequence, subject, history } = back;
  assert.deepEqual({ stream, sequence, subject }, { stream: "ORDERS", sequence: 7, subject: "orders.created" });
  assert.deepEqual([history.isDebounced, history.attempts], [true, 0]);
  assert.equal(new TextDecoder().decode(back.payload), '{"n":7}');
});

Deno.test("PendingEvents fails if the event is not known to be stored", async () => {
  await using broker = await setup();
  await broker.jsm.streams.delete("RETRIES");
  await assert.rejects(broker.postpone(1));
});
