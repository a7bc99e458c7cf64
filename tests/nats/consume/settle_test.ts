import assert from "node:assert/strict";
import { errors } from "@nats-io/transport-node";
import type { Delivery } from "../../../runtime/core/delivery.ts";
import type { Outcome } from "../../../runtime/core/outcome.ts";
import type { AttemptCounts } from "../../../runtime/engine/attempt_store.ts";
import { PublishError } from "../../../runtime/engine/publisher.ts";
import { scaledClock } from "../../support/clocks.ts";
import { eventually } from "../../support/eventually.ts";
import { rejected, startSettling } from "../../support/settling.ts";
import { NatsSettler } from "../../../runtime/nats/consume/settle.ts";

function retry(delayMs: number, usesAttempt = true): Outcome {
  return { kind: "retry", delayMs, reason: usesAttempt ? "failed" : "shutdown", usesAttempt };
}

Deno.test("NatsSettler acks a message, which is then not pending", async () => {
  await using orders = await startSettling();
  await orders.publish(2);
  const [first] = [await orders.next(), await orders.next()];
  assert.equal((await orders.consumer()).num_ack_pending, 2);
  assert.deepEqual(await orders.settler.settle("handle", first, { kind: "ack" }), { ok: true });
  await eventually(async () => (await orders.consumer()).num_ack_pending === 1);
  assert.equal((await orders.consumer()).ack_floor.stream_seq, 1);
});

Deno.test("NatsSettler acks the message that an event was assigned from before it settles the event, unless its stream was created again", async () => {
  await using orders = await startSettling();
  await orders.publish(4);
  const [source, event, replaced, other] = await Promise.all(Array.from({ length: 4 }, () => orders.next()));
  const ofPartition = { ...event, messageKey: event.messageKey, sourceAck: source.ackSubject };
  assert.deepEqual(await orders.settler.settle("handle", ofPartition, rejected("no")), { ok: true });
  await eventually(async () => (await orders.consumer()).ack_floor.stream_seq === 2);
  const renewed = new NatsSettler({ ...orders.settler.options, createdMs: () => replaced.storedAtMs + 1 });
  const second = { ...other, messageKey: other.messageKey, sourceAck: replaced.ackSubject };
  assert.deepEqual(await renewed.settle("handle", second, { kind: "ack" }), { ok: true });
  await eventually(async () => (await orders.consumer()).num_ack_pending === 1);
  assert.equal((await orders.consumer()).ack_floor.stream_seq, 2);
});

Deno.test("NatsSettler settles an assigned event if the consumer that it was assigned from is gone", async () => {
  await using orders = await startSettling();
  await orders.publish(2);
  const settled: unknown[] = [];
  for (const [stream, consumer] of [["ORDERS", "gone"], ["GONE", "handle"]]) {
    const event = await orders.next(), sourceAck = `$JS.ACK.${stream}.${consumer}.1.1.1.${Date.now()}000000.0`;
    const assigned = { ...event, messageKey: event.messageKey, sourceAck: new TextEncoder().encode(sourceAck) };
    void Promise.resolve(orders.settler.settle("handle", assigned, { kind: "ack" })).then((one) => settled.push(one));
  }
  await eventually(() => settled.length === 2);
  assert.deepEqual(settled, [{ ok: true }, { ok: true }]);
  await eventually(async () => (await orders.consumer()).num_ack_pending === 0);
});

Deno.test("NatsSettler naks with the delay, and the message is redelivered no sooner", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const first = await orders.next();
  const settledAt = performance.now();
  assert.deepEqual(await orders.settler.settle("handle", first, retry(300)), { ok: true });
  const second = await orders.next();
  const waited = performance.now() - settledAt;
  assert.ok(waited >= 295, `it came back after ${waited} ms`);
  assert.deepEqual([first.sequence, first.deliveryCount, second.sequence, second.deliveryCount], [1, 1, 1, 2]);
});

Deno.test("NatsSettler naks each message with its own delay", async () => {
  await using orders = await startSettling();
  await orders.publish(3);
  const [one, two, three] = [await orders.next(), await orders.next(), await orders.next()];
  const delays = [[one, 2_000], [two, 1_000], [three, 1]] as const;
  await Promise.all(delays.map(([delivery, delayMs]) => orders.settler.settle("handle", delivery, retry(delayMs))));
  const order = [await orders.next(), await orders.next(), await orders.next()];
  assert.deepEqual(order.map(({ sequence }) => sequence), [3, 2, 1]);
});

Deno.test("NatsSettler naks with a delay also when the retry has none, so that redeliveries do not rush", async () => {
  await using orders = await startSettling();
  const answers: string[] = [];
  orders.nc.subscribe("$JS.ACK.ORDERS.handle.>", { callback: (_, msg) => void answers.push(msg.string()) });
  await orders.publish(1);
  await orders.settler.settle("handle", await orders.next(), retry(0, false));
  assert.equal((await orders.next()).deliveryCount, 2);
  assert.deepEqual(answers, ['-NAK {"delay":1000000}']);
});

Deno.test("[G17] NatsSettler stores the attempts of a retry through an outage, and naks it then", async () => {
  await using orders = await startSettling();
  const steps: string[] = [];
  orders.nc.subscribe("$JS.ACK.ORDERS.handle.>", { callback: () => void steps.push("nak") });
  const attempts = {
    ...orders.attempts,
    read: () => Promise.resolve(undefined),
    write: () => {
      if (steps.push("write") < 4) return Promise.reject(new errors.TimeoutError());
      return orders.nc.flush();
    },
    markPrefetching: () => Promise.resolve(),
  };
  const settler = new NatsSettler({ ...orders.settler.options, attempts, clock: scaledClock(100) });
  await orders.publish(1);
  const usedUp = { attempts: 1, excusedDeliveries: 0 };
  assert.deepEqual(await settler.settle("handle", await orders.next(), retry(1), usedUp), { ok: true });
  await eventually(() => steps.length === 5);
  assert.deepEqual(steps, ["write", "write", "write", "write", "nak"]);
});

Deno.test("NatsSettler naks at a shutdown although the attempts cannot be stored, and that is a settlement", async () => {
  await using orders = await startSettling();
  const answers: string[] = [];
  orders.nc.subscribe("$JS.ACK.ORDERS.handle.>", { callback: (_, msg) => void answers.push(msg.string()) });
  const attempts = { ...orders.attempts, write: () => Promise.reject(new errors.TimeoutError()) };
  const settler = new NatsSettler({ ...orders.settler.options, attempts: attempts as never });
  await orders.publish(1);
  const usedUp = { attempts: 0, excusedDeliveries: 1 };
  assert.deepEqual(await settler.settle("handle", await orders.next(), retry(1, false), usedUp), { ok: true });
  assert.equal((await orders.next()).deliveryCount, 2);
  assert.deepEqual(answers, ['-NAK {"delay":1000000}']);
});

Deno.test("NatsSettler sends nothing for a delivery whose stream is gone, and keeps its short retry in RETRIES", async () => {
  await using orders = await startSettling();
  const sent: string[] = [];
  orders.nc.subscribe("$JS.ACK.>", { callback: (_, msg) => void sent.push(msg.string()) });
  await orders.publish(2);
  const gone = [await orders.next(), await orders.next()];
  for (const delivery of gone) delivery.ackSubject = new Uint8Array();
  const { settler } = orders, usedUp = { attempts: 1, excusedDeliveries: 0 };
  settler.extend(gone[0]);
  assert.deepEqual(await settler.settle("handle", gone[0], { kind: "ack" }), { ok: true });
  assert.deepEqual(await settler.settle("handle", gone[0], rejected("no"), usedUp), { ok: true });
  assert.deepEqual(await settler.settle("handle", gone[1], retry(1), usedUp), { ok: true });
  await orders.nc.flush();
  assert.deepEqual(sent, []);
  assert.equal((await orders.jsm.streams.info("DEAD_LETTERS")).state.messages, 1);
  const retries = await orders.jsm.streams.getMessage(
    "RETRIES",
    { next_by_subj: "retries.>", seq: 1 } as { seq: number },
  );
  assert.equal(retries?.header.get("weir-sequence"), "2");
});

Deno.test("NatsSettler neither acks nor naks a delivery whose lease expired, and keeps its dead letter", async () => {
  await using orders = await startSettling();
  const sent: string[] = [];
  orders.nc.subscribe("$JS.ACK.ORDERS.handle.>", { callback: (_, msg) => void sent.push(msg.string()) });
  orders.nc.subscribe("$JS.API.STREAM.MSG.DELETE.>", { callback: (_, msg) => void sent.push(msg.subject) });
  await orders.publish(1);
  const delivery = { ...await orders.next(), deadLetterSequence: 1 };
  assert.deepEqual(await orders.settler.settle("handle", delivery, { kind: "lease-expired" }), { ok: true });
  await orders.nc.flush();
  assert.deepEqual([sent, (await orders.consumer()).num_ack_pending], [[], 1]);
});

Deno.test("NatsSettler.extend sends an in-progress ack", async () => {
  await using orders = await startSettling();
  const answers: string[] = [];
  orders.nc.subscribe("$JS.ACK.ORDERS.handle.>", { callback: (_, msg) => void answers.push(msg.string()) });
  await orders.publish(1);
  orders.settler.extend(await orders.next());
  await eventually(() => answers.length === 1);
  assert.deepEqual(answers, ["+WPI"]);
  assert.equal((await orders.consumer()).num_ack_pending, 1);
});

Deno.test("[G20] NatsSettler stores a long retry in the retry stream, and acks the message", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  const usedUp = { attempts: 1, excusedDeliveries: 0 };
  const before = Date.now();
  assert.deepEqual(await orders.settler.settle("handle", delivery, retry(60_000), usedUp), { ok: true });
  await eventually(async () => (await orders.consumer()).num_ack_pending === 0);
  const delayed = (await orders.jsm.streams.getMessage("RETRIES", { seq: 1 }))!;
  assert.match(delayed.subject, /^retries\.delayed\.handle\.ORDERS-1-\d{19}$/);
  assert.equal(new TextDecoder().decode(delayed.data), '{"n":1}');
  assert.equal(delayed.header.get("Nats-Schedule-Target"), "retries.due.handle.orders.created");
  const dueMs = Date.parse(delayed.header.get("Nats-Schedule").replace(/^@at /, ""));
  assert.ok(dueMs >= before + 60_000 && dueMs <= Date.now() + 60_000, `it is due at ${dueMs}`);
});

Deno.test("NatsSettler naks a long retry that the retry stream does not take", async () => {
  await using orders = await startSettling(scaledClock(40));
  await orders.jsm.streams.delete("RETRIES");
  await orders.publish(1);
  const usedUp = { attempts: 1, excusedDeliveries: 0 };
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), retry(60_000), usedUp), { ok: true });
  await orders.nc.flush();
  assert.equal((await orders.consumer()).num_ack_pending, 1);
});

Deno.test("[G10] NatsSettler notes that an event may have emitted if its delayed retry may be stored beside it", async () => {
  await using orders = await startSettling();
  const written: (boolean | undefined)[] = [];
  const attempts = {
    ...orders.attempts,
    write: (_: string, __: Delivery, { mayHaveEmitted }: AttemptCounts) => {
      written.push(mayHaveEmitted);
      return Promise.resolve();
    },
  };
  const usedUp = { attempts: 1, excusedDeliveries: 0 };
  for (const code of ["unavailable", "refused"] as const) {
    const retries = { schedule: () => Promise.reject(new PublishError(code, "as planned")) };
    const options = { ...orders.settler.options, attempts: attempts as never, retries: retries as never };
    await orders.publish(1);
    const settled = await new NatsSettler(options).settle("handle", await orders.next(), retry(60_000), usedUp);
    assert.deepEqual(settled, { ok: true });
  }
  assert.deepEqual(written, [true, false]);
});

Deno.test("NatsSettler returns the failure to settle on a closed connection", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const delivery = await orders.next();
  await orders.nc.close();
  const settled = await orders.settler.settle("handle", delivery, { kind: "ack" });
  assert.equal(settled.ok, false);
  orders.settler.extend(delivery);
});

Deno.test("NatsSettler bounds a delay that the server cannot count", async () => {
  await using orders = await startSettling();
  await orders.publish(1);
  const outcome = {
    kind: "retry",
    reason: "retry-after",
    delayMs: Number.MAX_SAFE_INTEGER,
    usesAttempt: true,
  } as const;
  const usedUp = { attempts: 1, excusedDeliveries: 0 };
  assert.deepEqual(await orders.settler.settle("handle", await orders.next(), outcome, usedUp), { ok: true });
  await eventually(async () => (await orders.consumer()).num_ack_pending === 0);
});
