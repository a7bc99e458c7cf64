import assert from "node:assert/strict";
import type { Driver, Received } from "./conformance_driver.ts";

/** Something that JetStream does, and Weir or the simulation leans on. The stream's name is the statement's own. */
export type Statement = (js: Driver, stream: string) => Promise<void>;

/** Long enough that what is done at half of it is done in time, on a busy machine too. */
const ACK_WAIT_MS = 2_000;
/** So long a message may be late, and so much earlier a clock may say it was. */
const LATE_MS = 10_000, EARLY_MS = 20;
/** So long nothing must come where nothing may. */
const NOTHING_MS = 300;

/** A stream with the consumer `c` on `<stream>.>` and so many messages, whose bodies are 1, 2, 3… */
async function stocked(
  js: Driver,
  stream: string,
  messages = 1,
  options: { workQueue?: boolean; maxAckPending?: number } = {},
) {
  const { workQueue = false, maxAckPending } = options;
  await js.addStream({ name: stream, subjects: [`${stream}.>`], workQueue });
  await js.addConsumer(stream, { name: "c", filters: [`${stream}.in.>`], ackWaitMs: ACK_WAIT_MS, maxAckPending });
  for (let n = 1; n <= messages; n++) await js.publish(`${stream}.in.${n}`, {}, String(n));
  const next = async (): Promise<Received> => {
    const received = await js.next(stream, "c", LATE_MS);
    assert.ok(received, "nothing came");
    return received;
  };
  return { next, nothing: async () => assert.equal(await js.next(stream, "c", NOTHING_MS), undefined) };
}

/** What came, as `body#deliveries`. */
function short({ body, deliveries }: Received): string {
  return `${body}#${deliveries}`;
}

function scheduleAt(js: Driver, stream: string, inMs: number): Record<string, string> {
  return {
    "Nats-Schedule": `@at ${new Date(js.nowMs() + inMs).toISOString()}`,
    "Nats-Schedule-Target": `${stream}.in.due`,
  };
}

export const STATEMENTS: Readonly<Record<string, Statement>> = {
  async "an id stored once is a duplicate on every subject of the stream, even when its message is gone"(js, stream) {
    await stocked(js, stream, 0);
    const first = await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" });
    assert.deepEqual(first, { stream, seq: 1, duplicate: false });
    assert.deepEqual(await js.publish(`${stream}.b`, { "Nats-Msg-Id": "x" }), { stream, seq: 1, duplicate: true });
    assert.equal(await js.deleteMessage(stream, 1), true);
    assert.deepEqual(await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" }), { stream, seq: 1, duplicate: true });
    assert.deepEqual(await js.publish(`${stream}.a`, { "Nats-Msg-Id": "X" }), { stream, seq: 2, duplicate: false });
  },

  async "an id is forgotten after the window"(js, stream) {
    await js.addStream({ name: stream, subjects: [`${stream}.>`], duplicateWindowMs: 500 });
    const storedMs = js.nowMs();
    await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" });
    for (;;) {
      const ack = await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" });
      assert.ok("seq" in ack);
      if (!ack.duplicate) break;
      assert.ok(js.nowMs() - storedMs < LATE_MS, "still known");
      await js.pass(50);
    }
    assert.ok(js.nowMs() - storedMs >= 500 - EARLY_MS);
  },

  async "a subject's last sequence may be demanded, and a known id is refused like any other"(js, stream) {
    await stocked(js, stream, 0);
    const demand = (last: number) => ({ "Nats-Expected-Last-Subject-Sequence": String(last) });
    assert.deepEqual(await js.publish(`${stream}.a`, { ...demand(0), "Nats-Msg-Id": "x" }), {
      stream,
      seq: 1,
      duplicate: false,
    });
    const refused = await js.publish(`${stream}.a`, demand(0));
    assert.deepEqual(refused, { error: { errCode: 10071, description: "wrong last sequence: 1" } });
    assert.deepEqual(await js.publish(`${stream}.a`, { ...demand(0), "Nats-Msg-Id": "x" }), refused);
    assert.deepEqual(await js.publish(`${stream}.b`, demand(0)), { stream, seq: 2, duplicate: false });
    assert.deepEqual(await js.publish(`${stream}.a`, demand(1)), { stream, seq: 3, duplicate: false });
  },

  async "what nothing is heard of comes again after the ack wait, and its deliveries are counted"(js, stream) {
    const { next } = await stocked(js, stream);
    assert.equal(short(await next()), "1#1");
    const sinceMs = js.nowMs();
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
    await js.answer(first, "+WPI");
    let sinceMs = js.nowMs();
    assert.equal(short(await next()), "1#2");
    assert.ok(js.nowMs() - sinceMs >= ACK_WAIT_MS - EARLY_MS);
    await js.pass(ACK_WAIT_MS / 2);
    await js.answer(first, "+WPI");
    sinceMs = js.nowMs();
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

  async "a schedule fires to its target as another message: its own headers, not its id"(js, stream) {
    const { next } = await stocked(js, stream, 0, { workQueue: true });
    const schedule = scheduleAt(js, stream, 1_000), sinceMs = js.nowMs();
    const ack = await js.publish(`${stream}.parked`, { ...schedule, "Nats-Msg-Id": "x", "ce-id": "e" }, "later");
    assert.deepEqual(ack, { stream, seq: 1, duplicate: false });
    assert.deepEqual(await js.subjects(stream), [`${stream}.parked`]);
    const fired = await next();
    assert.ok(js.nowMs() - sinceMs >= 1_000 - EARLY_MS);
    assert.deepEqual([fired.subject, short(fired)], [`${stream}.in.due`, "later#1"]);
    const { "ce-id": id, "Nats-Scheduler": from, "Nats-Schedule-Next": then, ...rest } = fired.headers;
    assert.deepEqual({ id, from, then, rest }, { id: "e", from: `${stream}.parked`, then: "purge", rest: {} });
    assert.deepEqual(await js.subjects(stream), [`${stream}.in.due`]);
    // The id is known all the same: what was scheduled under it is not scheduled again.
    const again = await js.publish(`${stream}.parked`, { ...schedule, "Nats-Msg-Id": "x" });
    assert.deepEqual(again, { stream, seq: 1, duplicate: true });
  },

  async "a schedule takes the place of an earlier one on its subject"(js, stream) {
    const { next, nothing } = await stocked(js, stream, 0, { workQueue: true });
    await js.publish(`${stream}.parked`, scheduleAt(js, stream, 1_000), "first");
    await js.publish(`${stream}.parked.not`, scheduleAt(js, stream, 1_500), "elsewhere");
    await js.publish(`${stream}.parked`, scheduleAt(js, stream, 2_000), "second");
    assert.deepEqual(await js.subjects(stream), [`${stream}.parked.not`, `${stream}.parked`]);
    assert.deepEqual([short(await next()), short(await next())], ["elsewhere#1", "second#1"]);
    await nothing();
  },

  async "a schedule for a time that is over fires at once"(js, stream) {
    const { next } = await stocked(js, stream, 0, { workQueue: true });
    await js.publish(`${stream}.parked`, scheduleAt(js, stream, -60_000), "overdue");
    assert.equal(short(await next()), "overdue#1");
  },

  async "a schedule that is deleted does not fire"(js, stream) {
    const { next, nothing } = await stocked(js, stream, 0, { workQueue: true });
    await js.publish(`${stream}.parked.1`, scheduleAt(js, stream, 500), "deleted");
    await js.publish(`${stream}.parked.2`, scheduleAt(js, stream, 1_000), "kept");
    assert.equal(await js.deleteMessage(stream, 1), true);
    assert.equal(short(await next()), "kept#1");
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
