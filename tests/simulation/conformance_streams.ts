import assert from "node:assert/strict";
import type { Driver } from "./conformance_driver.ts";
import { createStream, describe, EARLY_MS, LATE_MS, type Statement } from "./conformance.ts";

function scheduleAt(js: Driver, stream: string, inMs: number): Record<string, string> {
  return {
    "Nats-Schedule": `@at ${new Date(js.nowMs() + inMs).toISOString()}`,
    "Nats-Schedule-Target": `${stream}.in.due`,
  };
}

/** Behaviour of streams: message ids, expected sequences and schedules. */
export const STREAM_STATEMENTS: Readonly<Record<string, Statement>> = {
  async "a message id is a duplicate on every subject of its stream, even after its message is deleted"(js, stream) {
    await createStream(js, stream, 0);
    const first = await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" });
    assert.deepEqual(first, { stream, seq: 1, duplicate: false });
    assert.deepEqual(await js.publish(`${stream}.b`, { "Nats-Msg-Id": "x" }), { stream, seq: 1, duplicate: true });
    assert.equal(await js.deleteMessage(stream, 1), true);
    assert.deepEqual(await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" }), { stream, seq: 1, duplicate: true });
    assert.deepEqual(await js.publish(`${stream}.a`, { "Nats-Msg-Id": "X" }), { stream, seq: 2, duplicate: false });
  },

  async "a message id may be used again after the duplicate window"(js, stream) {
    await js.addStream({ name: stream, subjects: [`${stream}.>`], duplicateWindowMs: 500 });
    const storedMs = js.nowMs();
    await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" });
    for (;;) {
      const ack = await js.publish(`${stream}.a`, { "Nats-Msg-Id": "x" });
      assert.ok("seq" in ack);
      if (!ack.duplicate) break;
      assert.ok(js.nowMs() - storedMs < LATE_MS, "the id is still a duplicate");
      await js.wait(50);
    }
    assert.ok(js.nowMs() - storedMs >= 500 - EARLY_MS);
  },

  async "a stream that is deleted and created again begins its sequences anew, and knows no id"(js, stream) {
    const id = { "Nats-Msg-Id": "x" };
    for (let round = 0; round < 2; round++) {
      const { next, nothing } = await createStream(js, stream, 1);
      assert.deepEqual(await js.publish(`${stream}.a`, id), { stream, seq: 2, duplicate: false });
      assert.equal(describe(await next()), "1#1");
      await nothing();
      await js.deleteStream(stream);
    }
  },

  async "an expected last subject sequence is checked before the message id"(js, stream) {
    await createStream(js, stream, 0);
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

  async "a schedule publishes to its target a message with its headers, but not its message id"(js, stream) {
    const { next } = await createStream(js, stream, 0, { workQueue: true });
    const schedule = scheduleAt(js, stream, 1_000), sinceMs = js.nowMs();
    const ack = await js.publish(`${stream}.delayed`, { ...schedule, "Nats-Msg-Id": "x", "ce-id": "e" }, "later");
    assert.deepEqual(ack, { stream, seq: 1, duplicate: false });
    assert.deepEqual(await js.subjects(stream), [`${stream}.delayed`]);
    const fired = await next();
    assert.ok(js.nowMs() - sinceMs >= 1_000 - EARLY_MS);
    assert.deepEqual([fired.subject, describe(fired)], [`${stream}.in.due`, "later#1"]);
    const { "ce-id": id, "Nats-Scheduler": from, "Nats-Schedule-Next": then, ...rest } = fired.headers;
    assert.deepEqual({ id, from, then, rest }, { id: "e", from: `${stream}.delayed`, then: "purge", rest: {} });
    assert.deepEqual(await js.subjects(stream), [`${stream}.in.due`]);
    // The id of the schedule remains a duplicate after it has fired.
    const again = await js.publish(`${stream}.delayed`, { ...schedule, "Nats-Msg-Id": "x" });
    assert.deepEqual(again, { stream, seq: 1, duplicate: true });
  },

  async "a schedule replaces an earlier one on its subject"(js, stream) {
    const { next, nothing } = await createStream(js, stream, 0, { workQueue: true });
    await js.publish(`${stream}.delayed`, scheduleAt(js, stream, 1_000), "first");
    await js.publish(`${stream}.delayed.not`, scheduleAt(js, stream, 1_500), "elsewhere");
    await js.publish(`${stream}.delayed`, scheduleAt(js, stream, 2_000), "second");
    assert.deepEqual(await js.subjects(stream), [`${stream}.delayed.not`, `${stream}.delayed`]);
    assert.deepEqual([describe(await next()), describe(await next())], ["elsewhere#1", "second#1"]);
    await nothing();
  },

  async "a schedule for a time in the past fires at once"(js, stream) {
    const { next } = await createStream(js, stream, 0, { workQueue: true });
    await js.publish(`${stream}.delayed`, scheduleAt(js, stream, -60_000), "overdue");
    assert.equal(describe(await next()), "overdue#1");
  },

  async "a deleted schedule does not fire"(js, stream) {
    const { next, nothing } = await createStream(js, stream, 0, { workQueue: true });
    await js.publish(`${stream}.delayed.1`, scheduleAt(js, stream, 500), "deleted");
    await js.publish(`${stream}.delayed.2`, scheduleAt(js, stream, 1_000), "kept");
    assert.equal(await js.deleteMessage(stream, 1), true);
    assert.equal(describe(await next()), "kept#1");
    await nothing();
  },
};
