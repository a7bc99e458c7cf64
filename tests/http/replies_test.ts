import assert from "node:assert/strict";
import { z } from "zod";
import { defineEvent } from "../../runtime/api/define_event.ts";
import type { WeirEvent } from "../../runtime/core/event.ts";
import type { ReplyKey, ReplySource } from "../../runtime/engine/reply_source.ts";
import { Replies } from "../../runtime/http/replies.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { eventually } from "../support/eventually.ts";
import { setup } from "../support/ingress.ts";

const data = z.object({ orderId: z.string().or(z.number()) });
const Confirmed = defineEvent({ type: "orders.confirmed", version: 1, data });
const Created = defineEvent({
  type: "orders.created",
  version: 1,
  data,
  ingress: { route: "/orders", reply: { events: [Confirmed], by: "orderId" } },
});
const events = new Map([[Created.type as string, Created as never]]);
const REPLY = {
  id: "c-1",
  source: "/functions/confirm",
  type: "orders.confirmed",
  time: "2026-11-21T10:00:00Z",
  data: { orderId: "o1" },
} as WeirEvent;

/** A source whose replies the test sends. */
class FakeSource implements ReplySource {
  readonly listening: { key: ReplyKey; onReply: (event: WeirEvent) => void }[] = [];

  listen(key: ReplyKey, onReply: (event: WeirEvent) => void): () => void {
    const listener = { key, onReply };
    this.listening.push(listener);
    return () => void this.listening.splice(this.listening.indexOf(listener), 1);
  }
}

function waiting() {
  const clock = new TestClock(), source = new FakeSource(), replies = new Replies(events, source, clock);
  const listener = setup({ events, replies });
  const post = (prefer: string | undefined, orderId: unknown = "o1") => {
    const headers = { "idempotency-key": "k1", ...(prefer !== undefined && { prefer }) };
    return listener.send("/orders", { json: { orderId }, headers });
  };
  return { ...listener, clock, source, replies, post };
}

const RESULT = { id: "k1", type: "orders.created", stream: "ORDERS", sequence: 1, duplicate: false };

Deno.test("POST with `Prefer: wait` answers 200 with the reply, and listens for it before it publishes", async () => {
  const { post, source, publisher } = waiting();
  publisher.answer = () => {
    assert.deepEqual(source.listening.map(({ key }) => key), [
      { types: ["orders.confirmed"], field: "orderId", value: "o1" },
    ]);
    source.listening[0].onReply(REPLY);
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await post("wait=5");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("preference-applied"), "wait=5");
  assert.deepEqual(await response.json(), { ...RESULT, reply: { specversion: "1.0", ...REPLY } });
  assert.deepEqual(source.listening, []);
});

Deno.test("POST with `Prefer: wait` answers 202 at the end of the time", async () => {
  const { post, source, clock, publisher } = waiting(), pending = post("respond-async, wait=5");
  await eventually(() => publisher.published.length === 1);
  await clock.advance("5s");
  const response = await pending;
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("preference-applied"), "wait=5");
  assert.deepEqual(await response.json(), RESULT);
  assert.deepEqual(source.listening, []);
});

for (
  const [prefer, applied] of [
    ["wait=10", "wait=10"],
    ["wait=3600", "wait=30"],
    ['return=minimal; x, WAIT = "7"', "wait=7"],
  ]
) {
  Deno.test(`POST with \`Prefer: ${prefer}\` waits, as ${applied} says; a stop answers it at once`, async () => {
    const { post, replies, source } = waiting(), pending = post(prefer);
    await eventually(() => source.listening.length === 1);
    replies.stop();
    const response = await pending;
    assert.deepEqual([response.status, response.headers.get("preference-applied")], [202, applied]);
    assert.equal((await post(prefer)).headers.get("preference-applied"), null); // it would wait in vain
  });
}

for (const prefer of [undefined, "", "wait=0", "wait", "wait=-1", "wait=soon", "respond-async", "await=5", "wait=5s"]) {
  Deno.test(`POST with \`Prefer: ${prefer}\` does not wait`, async () => {
    const { post, source } = waiting(), response = await post(prefer);
    assert.deepEqual([response.status, response.headers.get("preference-applied")], [202, null]);
    assert.deepEqual(source.listening, []);
  });
}

Deno.test("POST with `Prefer: wait` ends to listen when the event is refused or not stored", async () => {
  const { post, source, publisher } = waiting();
  assert.equal((await post("wait=5", true)).status, 400);
  publisher.answer = () => Promise.reject(new Error("no"));
  assert.equal((await post("wait=5")).status, 500);
  assert.deepEqual(source.listening, []);
});

Deno.test("POST with `Prefer: wait` does not wait beyond 500 requests", async () => {
  const { post, source, replies } = waiting();
  const all = Array.from({ length: 500 }, () => post("wait=5"));
  await eventually(() => source.listening.length === 500);
  assert.equal((await post("wait=5")).headers.get("preference-applied"), null);
  replies.stop();
  assert.ok((await Promise.all(all)).every(({ status }) => status === 202));
});
