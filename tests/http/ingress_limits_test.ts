import assert from "node:assert/strict";
import { MAX_IN_FLIGHT } from "../../runtime/http/ingress.ts";
import { problemOf, setup } from "./ingress_fixture.ts";

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
