import assert from "node:assert/strict";
import { ACK_WAIT_MS, createStream, describe, EARLY_MS, type Statement } from "./conformance.ts";

/** Behaviour of consumers: redelivery, its time and its order. */
export const CONSUMER_STATEMENTS: Readonly<Record<string, Statement>> = {
  async "an unsettled message is redelivered after the ack wait, and its deliveries are counted"(js, stream) {
    const { next } = await createStream(js, stream);
    const sinceMs = js.nowMs(); // before the delivery, which may arrive late
    assert.equal(describe(await next()), "1#1");
    assert.equal(describe(await next()), "1#2");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
    assert.equal(await js.ackPending(stream, "c"), 1);
  },

  async "an acked message is settled, and a later nak changes nothing"(js, stream) {
    const { next, nothing } = await createStream(js, stream);
    const only = await next();
    await js.ack(only, "+ACK");
    await js.ack(only, "-NAK");
    assert.equal(await js.ackPending(stream, "c"), 0);
    await nothing();
    assert.deepEqual(await js.subjects(stream), [`${stream}.in.1`]);
  },

  async "a nak with a delay redelivers the message after the delay, even one longer than the ack wait"(js, stream) {
    const { next } = await createStream(js, stream);
    const first = await next();
    let sinceMs = js.nowMs();
    await js.ack(first, `-NAK {"delay":${400 * 1e6}}`);
    const second = await next();
    assert.equal(describe(second), "1#2");
    assert.ok(js.nowMs() - sinceMs >= 400 - EARLY_MS);
    sinceMs = js.nowMs();
    await js.ack(second, `-NAK {"delay":${(ACK_WAIT_MS + 500) * 1e6}}`);
    assert.equal(describe(await next()), "1#3");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS + 500 - EARLY_MS);
  },

  async "a terminated message is not redelivered"(js, stream) {
    const { next, nothing } = await createStream(js, stream, 1, { workQueue: true });
    await js.ack(await next(), "+TERM weir: rejected");
    assert.equal(await js.ackPending(stream, "c"), 0);
    await nothing();
    assert.deepEqual(await js.subjects(stream), []);
  },

  async "an ack of an older delivery settles the message"(js, stream) {
    const { next, nothing } = await createStream(js, stream);
    const older = await next(), newer = await next();
    assert.equal(describe(newer), "1#2");
    await js.ack(older, "+ACK");
    assert.equal(await js.ackPending(stream, "c"), 0);
    await js.ack(newer, "-NAK");
    await nothing();
  },

  async "a nak of an older delivery ends the newer one"(js, stream) {
    const { next } = await createStream(js, stream);
    const older = await next();
    assert.equal(describe(await next()), "1#2");
    const sinceMs = js.nowMs();
    await js.ack(older, `-NAK {"delay":${100 * 1e6}}`);
    assert.equal(describe(await next()), "1#3");
    assert.ok(
      js.nowMs() - sinceMs < ACK_WAIT_MS - EARLY_MS,
      "it was redelivered only after the newer delivery's ack wait",
    );
  },

  async "an in-progress ack restarts the ack wait, even for an older delivery"(js, stream) {
    const { next } = await createStream(js, stream);
    const first = await next();
    await js.wait(ACK_WAIT_MS / 2);
    let sinceMs = js.nowMs();
    await js.ack(first, "+WPI");
    assert.equal(describe(await next()), "1#2");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
    await js.wait(ACK_WAIT_MS / 2);
    sinceMs = js.nowMs();
    await js.ack(first, "+WPI");
    assert.equal(describe(await next()), "1#3");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
  },

  async "an in-progress ack replaces the delay of a nak by the ack wait"(js, stream) {
    const { next } = await createStream(js, stream);
    const first = await next();
    await js.ack(first, `-NAK {"delay":${60_000 * 1e6}}`);
    await js.ack(first, "+WPI");
    assert.equal(describe(await next()), "1#2");
  },

  async "redeliveries precede new messages, in the order of their naks"(js, stream) {
    const { next } = await createStream(js, stream, 4);
    const first = await next(), second = await next();
    await js.ack(second, "-NAK");
    await js.ack(first, "-NAK");
    assert.deepEqual([describe(await next()), describe(await next()), describe(await next())], ["2#2", "1#2", "3#1"]);
  },

  async "a work queue keeps a message until it is acked, and a message that matches no filter for ever"(js, stream) {
    const { next, nothing } = await createStream(js, stream, 2, { workQueue: true });
    await js.publish(`${stream}.other`);
    const first = await next();
    assert.equal((await js.subjects(stream)).length, 3);
    await js.ack(first, "+ACK");
    await js.ack(await next(), "+ACK");
    assert.deepEqual(await js.subjects(stream), [`${stream}.other`]);
    await nothing();
  },

  async "no more than max_ack_pending messages are unsettled, and a nak with a delay counts among them"(js, stream) {
    const { next, nothing } = await createStream(js, stream, 3, { maxAckPending: 2 });
    const first = await next(), second = await next();
    await nothing();
    await js.ack(first, `-NAK {"delay":${1_000 * 1e6}}`);
    await nothing();
    assert.equal(await js.ackPending(stream, "c"), 2);
    const again = await next();
    assert.equal(describe(again), "1#2", "a redelivery is within max_ack_pending already");
    await js.ack(second, "+ACK");
    assert.equal(describe(await next()), "3#1");
  },
};
