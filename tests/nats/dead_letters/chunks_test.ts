import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { RetentionPolicy } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { systemClock } from "../../../runtime/engine/system_clock.ts";
import { DeadLetterService } from "../../../runtime/nats/dead_letters/service.ts";
import { isChunk } from "../../../runtime/nats/dead_letters/chunks.ts";
import { PullConsumer } from "../../../runtime/nats/consume/pull_consumer.ts";
import { storedDelivery } from "../../../runtime/nats/consume/parse_delivery.ts";
import { ownHeaders } from "../../../runtime/nats/retry/retry_headers.ts";
import { eventually } from "../../support/eventually.ts";
import { rejected, type Settling, startSettling } from "../../support/settling.ts";
import { QueueSink } from "../../support/sinks.ts";

/** Returns bytes that differ by position, so that chunks in the wrong order would be noticed. */
function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) % 251);
}

const messages = async ({ jsm }: Settling, stream = "DEAD_LETTERS") => (await jsm.streams.info(stream)).state.messages;
const serviceOf = ({ nc, jsm, publisher }: Settling) => new DeadLetterService({ nc, jsm, messages: publisher });
const letters = (orders: Settling) => Array.fromAsync(serviceOf(orders).list({}), ({ sequence }) => sequence);
/** Creates the consumer on RETRIES without which a redrive is refused. */
const createRetryConsumer = ({ jsm }: Settling) =>
  jsm.consumers.add("RETRIES", { durable_name: "handle", ack_policy: "explicit" });
/**
 * An error text that is cut to a thousand characters: a dead letter then has larger headers than the redriven event.
 */
const LONG = "x".repeat(2_000);

Deno.test("[G6] settle stores an event in chunks when it is too large, also the only copy in a work queue", async () => {
  await using orders = await startSettling();
  await orders.jsm.streams.add({ name: "WORK", subjects: ["work.>"], retention: RetentionPolicy.Workqueue });
  await orders.jsm.consumers.add("WORK", { durable_name: "handle", ack_policy: "explicit" });
  const queue = new QueueSink();
  const source = new PullConsumer(orders.nc, "WORK", "handle", systemClock);
  orders.defer(() => source.stop());
  source.start(queue);
  const hdrs = headers();
  hdrs.set("ce-id", "order-1");
  const payload = bytes(orders.nc.info!.max_payload - 100);
  orders.nc.publish("work.large", payload, { headers: hdrs });
  assert.deepEqual(await orders.settler.settle("handle", await queue.next(), rejected("no")), { ok: true });
  await eventually(async () => await messages(orders, "WORK") === 0);

  assert.deepEqual(await letters(orders), [3]);
  const letter = (await serviceOf(orders).read(3))!;
  assert.deepEqual(letter.payload, payload);
  assert.equal(letter.id, "order-1");
  assert.equal(letter.headers["weir-payload"], "parts 1 2");
  assert.equal(letter.error, "NonRetryableError: no");
});

Deno.test("storeChunks stores chunks before the dead letter, and they are not dead letters themselves", async () => {
  await using orders = await startSettling();
  orders.nc.publish("orders.created", bytes(orders.nc.info!.max_payload));
  const delivery = await orders.next();
  await orders.settler.settle("handle", delivery, rejected("no"));
  const stored = await Promise.all([1, 2, 3].map((seq) => orders.jsm.streams.getMessage("DEAD_LETTERS", { seq })));
  assert.deepEqual(stored.map((one) => one!.subject), [
    `dead_letters._payload.handle.${delivery.messageKey}.0`,
    `dead_letters._payload.handle.${delivery.messageKey}.1`,
    "dead_letters.handle.orders.created",
  ]);
  for (const chunk of [1, 2]) {
    assert.equal(await serviceOf(orders).read(chunk), undefined);
    assert.equal(await serviceOf(orders).discard(chunk), false);
    assert.equal(await serviceOf(orders).redrive(chunk, false), "missing");
  }
  assert.equal(await messages(orders), 3);
});

Deno.test("DeadLetters stores chunks once when it is repeated", async () => {
  await using orders = await startSettling();
  orders.nc.publish("orders.created", bytes(orders.nc.info!.max_payload));
  const delivery = await orders.next();
  const first = await orders.deadLetters.store("handle", delivery, rejected("no"));
  assert.deepEqual(await orders.deadLetters.store("handle", delivery, rejected("no")), {
    ...first,
    duplicate: true,
  });
  assert.equal(await messages(orders), 3);
});

Deno.test("discard deletes the chunks as well", async () => {
  await using orders = await startSettling();
  orders.nc.publish("orders.created", bytes(orders.nc.info!.max_payload));
  await orders.settler.settle("handle", await orders.next(), rejected("no"));
  assert.equal(await serviceOf(orders).discard(3), true);
  assert.equal(await messages(orders), 0);
  assert.equal(await serviceOf(orders).discard(3), false);
});

Deno.test("redrive joins chunks into one message if it fits, and deletes them", async () => {
  await using orders = await startSettling();
  await createRetryConsumer(orders);
  const payload = bytes(orders.nc.info!.max_payload - 800);
  orders.nc.publish("orders.created", payload);
  await orders.settler.settle("handle", await orders.next(), rejected(LONG));
  assert.deepEqual(await letters(orders), [3]);
  assert.equal(await serviceOf(orders).redrive(3, false), "redriven");
  const { data, subject } = (await orders.jsm.streams.getMessage("RETRIES", { seq: 1 }))!;
  assert.equal(subject, "retries.redriven.handle.3.orders.created");
  assert.deepEqual(data, payload);
  assert.equal(await messages(orders), 0);
});

Deno.test("redrive leaves a dead letter complete when the joined message is too large", async () => {
  await using orders = await startSettling();
  await createRetryConsumer(orders);
  const payload = new Uint8Array(randomBytes(orders.nc.info!.max_payload)); // cannot be compressed
  orders.nc.publish("orders.created", payload);
  await orders.settler.settle("handle", await orders.next(), rejected("no"));
  assert.equal(await serviceOf(orders).redrive(3, false), "too-large");
  assert.deepEqual((await serviceOf(orders).read(3))!.payload, payload);
  assert.equal(await messages(orders, "RETRIES"), 0);
});

for (const room of [0, 20, 200]) {
  Deno.test(`redrive and a delayed retry take an event that leaves ${room} bytes of max_payload, its room`, async () => {
    await using orders = await startSettling();
    await createRetryConsumer(orders);
    const payload = Buffer.from(randomBytes(1_048_576).toString("hex").slice(0, orders.nc.info!.max_payload - room));
    orders.nc.publish("orders.created", payload);
    const original = await orders.next();
    await orders.settler.settle("handle", original, rejected("no"));
    const [sequence] = await letters(orders);
    assert.equal(await serviceOf(orders).redrive(sequence, false), "redriven");
    assert.equal(await messages(orders), 0);
    const usedUp = { attempts: 1, excusedDeliveries: 0, emittedSinceMs: undefined, wasDecided: false };
    const later = { kind: "retry", reason: "failed", delayMs: 60_000, usesAttempt: true } as const;
    assert.deepEqual(await orders.settler.settle("handle", original, later, usedUp), { ok: true });
    assert.equal(await messages(orders, "RETRIES"), 2); // not a nak, which would hold one of max_ack_pending
    for (const seq of [1, 2]) {
      const stored = (await orders.jsm.streams.getMessage("RETRIES", { seq }))!;
      const target = stored.header.get("Nats-Schedule-Target") || stored.subject;
      const { payload: delivered, headers } = storedDelivery("RETRIES", stored, target);
      assert.deepEqual(Buffer.from(delivered), payload);
      assert.equal(ownHeaders(headers).get("weir-encoding"), "");
    }
  });
}

Deno.test("[G6] storeChunks stores more chunks when halves are too large", async () => {
  await using orders = await startSettling();
  await orders.jsm.streams.update("DEAD_LETTERS", { max_msg_size: 3_000 });
  const payload = bytes(10_000);
  orders.nc.publish("orders.created", payload);
  await orders.settler.settle("handle", await orders.next(), rejected("no"));
  const [sequence] = await letters(orders);
  const letter = (await serviceOf(orders).read(sequence))!;
  assert.equal(letter.headers["weir-payload"], "parts 1 2 3 4");
  assert.deepEqual(letter.payload, payload);
});

Deno.test("[G6] DeadLetters stores headers in a chunk when they are too large, and redrive restores them", async () => {
  await using orders = await startSettling();
  await createRetryConsumer(orders);
  const hdrs = headers();
  hdrs.set("ce-id", "order-1");
  hdrs.append("X-Note", "first");
  hdrs.append("X-Note", "y".repeat(64_800));
  orders.nc.publish("orders.created", '{"n":1}', { headers: hdrs });
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), rejected(LONG)), { ok: true });
  const [sequence] = await letters(orders);
  const letter = (await serviceOf(orders).read(sequence))!;
  assert.equal(letter.headers["ce-id"], "order-1");
  assert.equal(letter.headers["X-Note"], "first");
  assert.equal(new TextDecoder().decode(letter.payload), '{"n":1}');
  assert.equal(await serviceOf(orders).redrive(sequence, false), "redriven");
  const { header } = (await orders.jsm.streams.getMessage("RETRIES", { seq: 1 }))!;
  assert.deepEqual(header.values("X-Note").map(({ length }) => length), [5, 64_800]);
  assert.equal(await messages(orders), 0);
});

Deno.test("readDeadLetter and redrive reject when a chunk was deleted, and discard still works", async () => {
  await using orders = await startSettling();
  orders.nc.publish("orders.created", bytes(orders.nc.info!.max_payload));
  await orders.settler.settle("handle", await orders.next(), rejected("no"));
  await orders.jsm.streams.deleteMessage("DEAD_LETTERS", 2);
  const message = "chunk 2 of the dead letter was deleted from DEAD_LETTERS: it can only be discarded";
  await assert.rejects(serviceOf(orders).read(3), { message });
  await assert.rejects(serviceOf(orders).redrive(3, false), { message });
  assert.deepEqual(await letters(orders), [3]);
  assert.equal(await serviceOf(orders).discard(3), true);
  assert.equal(await messages(orders), 0);
});

Deno.test("isChunk is true for subjects of chunks only", () => {
  assert.equal(isChunk("dead_letters._payload.handle.ORDERS.1.2.0"), true);
  assert.equal(isChunk("dead_letters.handle._payload.created"), false);
});
