import assert from "node:assert/strict";
import { MAX_IN_FLIGHT } from "../../runtime/http/ingress.ts";
import { PublishError } from "../../runtime/engine/publisher.ts";
import { manualClock } from "../support/clocks.ts";
import { eventually } from "../support/eventually.ts";
import { NDJSON, problemOf, setup } from "../support/ingress.ts";

const JSON_TYPE = { "content-type": "application/json" };

Deno.test("POST {route} refuses a body by its content-length without reading it", async () => {
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
    "the body is larger than the limit of 100 bytes",
  ]);
  assert.equal(read, 0);
});

Deno.test("POST {route} stops reading a body as soon as it is too large", async () => {
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

Deno.test("POST {route} accepts a body of exactly the largest size", async () => {
  const { send } = setup({ maxBytes: 100 });
  const body = '{"orderId":"o1"}'.padEnd(100);
  assert.equal((await send("/orders", { body, headers: JSON_TYPE })).status, 202);
});

Deno.test("POST {route} answers 429 with Retry-After while a thousand requests are pending", async () => {
  const { send, publisher } = setup();
  const stored = Promise.withResolvers<void>();
  publisher.answer = async () => {
    await stored.promise;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const pending = Array.from({ length: MAX_IN_FLIGHT }, () => send("/orders", { json: { orderId: "o1" } }));
  const refused = await send("/orders", { json: { orderId: "o1" } });
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.deepEqual(await problemOf(refused), {
    status: 429,
    title: "Too Many Requests",
    detail: "1000 requests are pending: try again in a second",
  });
  stored.resolve();
  assert.deepEqual([...new Set((await Promise.all(pending)).map(({ status }) => status))], [202]);
  assert.equal((await send("/orders", { json: { orderId: "o1" } })).status, 202);
});

/** A publisher's result that waits for `release`. `asked` resolves when the first event is published. */
function heldResult() {
  const gate = Promise.withResolvers<void>(), asked = Promise.withResolvers<void>();
  const answer = async () => {
    asked.resolve();
    await gate.promise;
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  return { answer, asked: asked.promise, release: gate.resolve };
}

Deno.test("BodyLimits refuses a body unread while others fill it, and accepts it once they are released", async () => {
  const { send, publisher } = setup({ maxBytes: 100, memoryBytes: 250 });
  const { answer, release } = heldResult();
  publisher.answer = answer;
  const body = '{"orderId":"o1"}'.padEnd(100), headers = { ...JSON_TYPE, "content-length": "100" };
  const pending = [send("/orders", { body, headers }), send("/orders", { body, headers })];
  await eventually(() => publisher.published.length === 2);
  let read = 0;
  const unread = new ReadableStream({ pull: () => void read++ }, { highWaterMark: 0 });
  const refused = await send("/orders", { body: unread, headers });
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.deepEqual(await problemOf(refused), {
    status: 503,
    title: "Service Unavailable",
    detail: "pending request bodies fill the limit of 250 bytes: try again in a second",
  });
  assert.equal(read, 0);
  release();
  assert.deepEqual((await Promise.all(pending)).map(({ status }) => status), [202, 202]);
  const after = await Promise.all([send("/orders", { body, headers }), send("/orders", { body, headers })]);
  assert.deepEqual(after.map(({ status }) => status), [202, 202]);
});

Deno.test("BodyLimits counts a body without content-length by the bytes that have arrived", async () => {
  const { send, publisher } = setup({ maxBytes: 100, memoryBytes: 150 });
  const { answer, asked, release } = heldResult();
  publisher.answer = answer;
  const body = '{"orderId":"o1"}'.padEnd(100);
  const first = send("/orders", { body, headers: JSON_TYPE });
  await asked;
  let cancelled = false;
  const chunks = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode(" ".repeat(30))),
    cancel: () => void (cancelled = true),
  }, { highWaterMark: 0 });
  assert.equal((await send("/orders", { body: chunks, headers: JSON_TYPE })).status, 503);
  assert.equal(cancelled, true);
  release();
  assert.equal((await first).status, 202);
});

Deno.test("BodyLimits accepts a body larger than its limit while no other is pending", async () => {
  const { send } = setup({ maxBytes: 100, memoryBytes: 50 });
  assert.equal((await send("/orders", { body: '{"orderId":"o1"}'.padEnd(100), headers: JSON_TYPE })).status, 202);
});

Deno.test("POST reads no body during an outage, and answers 401 before 503", async () => {
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

const KEYS = ["shop", "mail"].map((name) => ({ name, secret: `secret-of-${name}`, pattern: ">" }));
const bearer = (name: string) => ({ ...JSON_TYPE, authorization: `Bearer secret-of-${name}` });
/** A body of which nothing arrives. */
const idleBody = () => new ReadableStream({ pull: () => new Promise(() => {}) }, { highWaterMark: 0 });

Deno.test("BodyLimits takes no room for bytes that a request declares and does not send", async () => {
  const { send } = setup({ maxBytes: 100_000, memoryBytes: 100_000, clock: manualClock() });
  const headers = { ...JSON_TYPE, "content-length": "100000" };
  for (let i = 0; i < 40; i++) void send("/orders", { body: idleBody(), headers });
  const response = await send("/orders", {
    body: '{"orderId":"o1"}',
    headers: { ...JSON_TYPE, "content-length": "16" },
  });
  assert.equal(response.status, 202);
});

Deno.test("BodyLimits takes no room for a body that arrives after it was answered with 408", async () => {
  const clock = manualClock();
  const { send } = setup({ maxBytes: 100, memoryBytes: 100, clock });
  const headers = { ...JSON_TYPE, "content-length": "100" }, bytes = new TextEncoder().encode(" ".repeat(100));
  for (let i = 0; i < 2; i++) {
    let controller!: ReadableStreamDefaultController;
    const body = new ReadableStream({ start: (given) => void (controller = given) });
    const late = send("/orders", { body, headers });
    await clock.timerSet(30_000);
    clock.advance(30_000);
    assert.equal((await late).status, 408);
    controller.enqueue(bytes);
    controller.close();
    await new Promise((resolve) => setTimeout(resolve));
  }
  const accepted = await send("/orders", { body: '{"orderId":"o1"}'.padEnd(100), headers });
  assert.equal(accepted.status, 202);
  const others = [1, 2].map(() => send("/orders", { body: '{"orderId":"o1"}'.padEnd(50), headers: JSON_TYPE }));
  assert.deepEqual((await Promise.all(others)).map(({ status }) => status), [202, 202]);
});

Deno.test("BodyLimits keeps a share of the memory for each key", async () => {
  const { send, publisher } = setup({ keys: KEYS, maxBytes: 10_000, memoryBytes: 30_000 });
  const { answer, release } = heldResult();
  publisher.answer = answer;
  const body = (bytes: number) => '{"orderId":"o1"}'.padEnd(bytes);
  // Each key has a share of 7,500 bytes; the other half is for both.
  const pending = [1, 2].map(() => send("/orders", { body: body(10_000), headers: bearer("shop") }));
  await eventually(() => publisher.published.length === 2);
  assert.equal((await send("/orders", { body: body(10_000), headers: bearer("shop") })).status, 503);
  pending.push(send("/orders", { body: body(7_000), headers: bearer("mail") }));
  await eventually(() => publisher.published.length === 3);
  release();
  assert.deepEqual((await Promise.all(pending)).map(({ status }) => status), [202, 202, 202]);
});

Deno.test("POST {route} keeps a share of the requests for each key", async () => {
  const { send, publisher } = setup({ keys: KEYS });
  const { answer, release } = heldResult();
  publisher.answer = answer;
  const json = { orderId: "o1" }, post = (name: string) => send("/orders", { json, headers: bearer(name) });
  const pending = Array.from({ length: 750 }, () => post("shop"));
  assert.equal((await post("shop")).status, 429);
  pending.push(...Array.from({ length: 250 }, () => post("mail")));
  release();
  assert.deepEqual([...new Set((await Promise.all(pending)).map(({ status }) => status))], [202]);
});

Deno.test("POST /events leaves half of the requests to those that are no NDJSON", async () => {
  const { send } = setup({ clock: manualClock() });
  const headers = { "content-type": NDJSON };
  for (let i = 0; i < MAX_IN_FLIGHT / 2; i++) void send("/events", { body: idleBody(), headers });
  assert.equal((await send("/events", { body: idleBody(), headers })).status, 429);
  assert.equal((await send("/orders", { json: { orderId: "o1" } })).status, 202);
});
