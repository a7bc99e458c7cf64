import assert from "node:assert/strict";
import { ACK_WAIT_MS, EARLY_MS, short, type Statement, stocked } from "./conformance.ts";

/** What consumers do: what comes again, when, and in which order. */
export const CONSUMER_STATEMENTS: Readonly<Record<string, Statement>> = {
  async "what nothing is heard of comes again after the ack wait, and its deliveries are counted"(js, stream) {
    const { next } = await stocked(js, stream);
    const sinceMs = js.nowMs(); // before it is delivered: how late its delivery is heard of does not matter
    assert.equal(short(await next()), "1#1");
    assert.equal(short(await next()), "1#2");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
    assert.equal(await js.ackPending(stream, "c"), 1);
  },

  async "an acknowledged message is done with, and a second answer to it changes nothing"(js, stream) {
    const { next, nothing } = await stocked(js, stream);
    const only = await next();
    await js.answer(only, "+ACK");
    await js.answer(only, "-NAK");
    assert.equal(await js.ackPending(stream, "c"), 0);
    await nothing();
    assert.deepEqual(await js.subjects(stream), [`${stream}.in.1`]);
  },

  async "a message given back comes again after the delay, even one longer than the ack wait"(js, stream) {
    const { next } = await stocked(js, stream);
    const first = await next();
    let sinceMs = js.nowMs();
    await js.answer(first, `-NAK {"delay":${400 * 1e6}}`);
    const second = await next();
    assert.equal(short(second), "1#2");
    assert.ok(js.nowMs() - sinceMs >= 400 - EARLY_MS);
    sinceMs = js.nowMs();
    await js.answer(second, `-NAK {"delay":${(ACK_WAIT_MS + 500) * 1e6}}`);
    assert.equal(short(await next()), "1#3");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS + 500 - EARLY_MS);
  },

  async "a terminated message never comes again"(js, stream) {
    const { next, nothing } = await stocked(js, stream, 1, { workQueue: true });
    await js.answer(await next(), "+TERM weir: rejected");
    assert.equal(await js.ackPending(stream, "c"), 0);
    await nothing();
    assert.deepEqual(await js.subjects(stream), []);
  },

  async "an acknowledgement of an older delivery counts"(js, stream) {
    const { next, nothing } = await stocked(js, stream);
    const older = await next(), newer = await next();
    assert.equal(short(newer), "1#2");
    await js.answer(older, "+ACK");
    assert.equal(await js.ackPending(stream, "c"), 0);
    await js.answer(newer, "-NAK");
    await nothing();
  },

  async "an older delivery given back takes the newer one with it"(js, stream) {
    const { next } = await stocked(js, stream);
    const older = await next();
    assert.equal(short(await next()), "1#2");
    const sinceMs = js.nowMs();
    await js.answer(older, `-NAK {"delay":${100 * 1e6}}`);
    assert.equal(short(await next()), "1#3");
    assert.ok(js.nowMs() - sinceMs < ACK_WAIT_MS - EARLY_MS, "it waited for the newer delivery's ack wait");
  },

  async "a sign of life starts the ack wait again, even one for an older delivery"(js, stream) {
    const { next } = await stocked(js, stream);
    const first = await next();
    await js.pass(ACK_WAIT_MS / 2);
    let sinceMs = js.nowMs();
    await js.answer(first, "+WPI");
    assert.equal(short(await next()), "1#2");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
    await js.pass(ACK_WAIT_MS / 2);
    sinceMs = js.nowMs();
    await js.answer(first, "+WPI");
    assert.equal(short(await next()), "1#3");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
  },

  async "a sign of life takes back what a delay had begun"(js, stream) {
    const { next } = await stocked(js, stream);
    const first = await next();
    await js.answer(first, `-NAK {"delay":${60_000 * 1e6}}`);
    await js.answer(first, "+WPI");
    assert.equal(short(await next()), "1#2");
  },

  async "what comes again goes before what is new, in the order it was given back"(js, stream) {
    const { next } = await stocked(js, stream, 4);
    const first = await next(), second = await next();
    await js.answer(second, "-NAK");
    await js.answer(first, "-NAK");
    assert.deepEqual([short(await next()), short(await next()), short(await next())], ["2#2", "1#2", "3#1"]);
  },

  async "a work queue keeps a message until it is acknowledged, and what no filter names for ever"(js, stream) {
    const { next, nothing } = await stocked(js, stream, 2, { workQueue: true });
    await js.publish(`${stream}.other`);
    const first = await next();
    assert.equal((await js.subjects(stream)).length, 3);
    await js.answer(first, "+ACK");
    await js.answer(await next(), "+ACK");
    assert.deepEqual(await js.subjects(stream), [`${stream}.other`]);
    await nothing();
  },

  async "no more is handed out than may be pending, and what waits out a delay holds its place"(js, stream) {
    const { next, nothing } = await stocked(js, stream, 3, { maxAckPending: 2 });
    const first = await next(), second = await next();
    await nothing();
    await js.answer(first, `-NAK {"delay":${1_000 * 1e6}}`);
    await nothing();
    assert.equal(await js.ackPending(stream, "c"), 2);
    const again = await next();
    assert.equal(short(again), "1#2", "what comes again needs no place of its own");
    await js.answer(second, "+ACK");
    assert.equal(short(await next()), "3#1");
  },
};
