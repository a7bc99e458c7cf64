import assert from "node:assert/strict";
import { MAX_IN_FLIGHT } from "../../runtime/http/ingress.ts";
import { PublishError } from "../../runtime/nats/publish/publish_error.ts";
import { BATCH, envelope, problemOf, setup } from "./ingress_fixture.ts";

const JSON_TYPE = { "content-type": "application/json" };

Deno.test("a body that says it is too large is refused without being read", async () => {
  const { send } = setup({ maxBytes: 100 });
  let read = 0;
  const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(++read)) }, {
    highWaterMark: 0,
  });
  const headers = { ...JSON_TYPE, "content-length": "101" };
  const problem = await problemOf(await send("/orders", { body, headers }));
  assert.deepEqual([problem.status, problem.title, problem.detail], [
    413,
    "Content Too Large",
    "the body is larger than 100 bytes, the most that is taken",
  ]);
  assert.equal(read, 0);
});

Deno.test("a body that turns out too large is refused as soon as it is", async () => {
  const { send } = setup({ maxBytes: 100 });
  let chunks = 0, cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => {
      chunks++;
      controller.enqueue(new TextEncoder().encode(" ".repeat(40)));
    },
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  const problem = await problemOf(await send("/orders", { body, headers: JSON_TYPE }));
  assert.equal(problem.status, 413);
  assert.deepEqual({ chunks, cancelled }, { chunks: 3, cancelled: true });
});

Deno.test("a body of just the size that is taken is taken", async () => {
  const { send } = setup({ maxBytes: 100 });
  const body = '{"orderId":"o1"}'.padEnd(100);
  assert.equal((await send("/orders", { body, headers: JSON_TYPE })).status, 202);
});

Deno.test("beyond a thousand requests under way the next is turned away, and says when to come again", async () => {
  const { send, publisher } = setup();
  const stored = Promise.withResolvers<void>();
  publisher.answer = async () => {
    await stored.promise;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const underWay = Array.from({ length: MAX_IN_FLIGHT }, () => send("/orders", { json: { orderId: "o1" } }));
  const turnedAway = await send("/orders", { json: { orderId: "o1" } });
  assert.equal(turnedAway.headers.get("retry-after"), "1");
  assert.deepEqual(await problemOf(turnedAway), {
    status: 429,
    title: "Too Many Requests",
    detail: "1000 requests are under way: try again in a second",
  });
  stored.resolve();
  assert.deepEqual([...new Set((await Promise.all(underWay)).map(({ status }) => status))], [202]);
  assert.equal((await send("/orders", { json: { orderId: "o1" } })).status, 202);
});

/** A publisher's answer that does not come before it is let. */
function held() {
  const gate = Promise.withResolvers<void>();
  const answer = async () => {
    await gate.promise;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  return { answer, letGo: gate.resolve };
}

Deno.test("beyond the bytes that are held the next body is not read, and there is room again afterwards", async () => {
  const { send, publisher } = setup({ maxBytes: 100, roomBytes: 250 });
  const { answer, letGo } = held();
  publisher.answer = answer;
  const body = '{"orderId":"o1"}'.padEnd(100), headers = { ...JSON_TYPE, "content-length": "100" };
  const underWay = [send("/orders", { body, headers }), send("/orders", { body, headers })];
  let read = 0;
  const unread = new ReadableStream({ pull: () => void read++ }, { highWaterMark: 0 });
  const turnedAway = await send("/orders", { body: unread, headers });
  assert.equal(turnedAway.headers.get("retry-after"), "1");
  assert.deepEqual(await problemOf(turnedAway), {
    status: 503,
    title: "Service Unavailable",
    detail: "bodies of 250 bytes altogether are under way, as many as are held: try again in a second",
  });
  assert.equal(read, 0);
  letGo();
  assert.deepEqual((await Promise.all(underWay)).map(({ status }) => status), [202, 202]);
  const after = await Promise.all([send("/orders", { body, headers }), send("/orders", { body, headers })]);
  assert.deepEqual(after.map(({ status }) => status), [202, 202]);
});

Deno.test("a body that does not say how large it is counts by what came of it", async () => {
  const { send, publisher } = setup({ maxBytes: 100, roomBytes: 150 });
  const { answer, letGo } = held();
  publisher.answer = answer;
  const body = '{"orderId":"o1"}'.padEnd(100);
  const first = send("/orders", { body, headers: JSON_TYPE });
  while (publisher.published.length === 0) await Promise.resolve();
  let cancelled = false;
  const chunks = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode(" ".repeat(30))),
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  assert.equal((await send("/orders", { body: chunks, headers: JSON_TYPE })).status, 503);
  assert.equal(cancelled, true);
  letGo();
  assert.equal((await first).status, 202);
});

Deno.test("a body larger than all that is held is let in when it is alone", async () => {
  const { send } = setup({ maxBytes: 100, roomBytes: 50 });
  assert.equal((await send("/orders", { body: '{"orderId":"o1"}'.padEnd(100), headers: JSON_TYPE })).status, 202);
});

Deno.test("while nothing can be stored no body is read, and who may not publish is not told", async () => {
  const outage = new PublishError("unavailable", "NATS is not connected");
  const keys = [{ name: "shop", secret: "right", pattern: ">" }];
  const { send, publisher } = setup({ outage: () => outage, keys });
  let read = 0;
  const body = () => new ReadableStream({ pull: () => void read++ }, { highWaterMark: 0 });
  for (const path of ["/orders", "/events/orders.created", "/events"]) {
    const headers = { ...JSON_TYPE, authorization: "Bearer right" };
    const response = await send(path, { body: body(), headers });
    assert.equal(response.headers.get("retry-after"), "5");
    const { status, detail } = await problemOf(response);
    assert.deepEqual([status, detail], [503, "NATS is not connected; send it again with the same id"]);
    assert.equal((await send(path, { body: body(), headers: JSON_TYPE })).status, 401);
  }
  assert.deepEqual([read, publisher.published.length], [0, 0]);
});

const batchOf = (count: number) => Array.from({ length: count }, (_, i) => envelope({ id: `order-${i}` }));

Deno.test("of the events of one request only so many are on their way at once, in their order", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  let underWay = 0, most = 0;
  publisher.answer = async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve));
    underWay--;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await send("/events", { json: batchOf(1_000), headers: { "content-type": BATCH } });
  assert.equal(response.status, 202);
  assert.equal((await response.json()).length, 1_000);
  assert.equal(most, 256);
  assert.deepEqual(publisher.published.map(({ id }) => id), batchOf(1_000).map((_, i) => `order-${i}`));
});

Deno.test("once an event of a request cannot be stored, those that were not begun are not tried", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  publisher.answer = () => Promise.reject(new PublishError("unavailable", "why"));
  const response = await send("/events", { json: batchOf(1_000), headers: { "content-type": BATCH } });
  const { status, detail, results } = await problemOf(response);
  assert.deepEqual([status, detail], [503, "0 of 1000 events were stored: `results` says which"]);
  assert.equal(publisher.published.length, 256);
  assert.equal(results.length, 1_000);
  assert.equal(results[0].detail, "why; send it again with the same id");
  assert.equal(results[999].detail, "it was not tried, since another of the events could not be stored");
});

Deno.test("an event that is at fault itself keeps none of the others of its request", async () => {
  const { send, publisher } = setup({ maxBytes: 1_000_000 });
  publisher.answer = ({ id }) => {
    if (id === "order-0") throw new PublishError("too-large", "why");
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const response = await send("/events", { json: batchOf(1_000), headers: { "content-type": BATCH } });
  const { status, detail } = await problemOf(response);
  assert.deepEqual([status, detail], [413, "999 of 1000 events were stored: `results` says which"]);
});
