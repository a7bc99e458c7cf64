import assert from "node:assert/strict";
import { BATCH, envelope, NDJSON, setup, STRUCTURED, TIME } from "../support/ingress.ts";

const BINARY = {
  "ce-specversion": "1.0",
  "ce-id": "order-1",
  "ce-source": "/shop",
  "ce-type": "orders.created",
  "ce-time": TIME,
  "ce-tenant": "acme%20%F0%9F%9A%82",
};
const PUBLISHED = {
  id: "order-1",
  type: "orders.created",
  source: "/shop",
  time: TIME,
  json: '{"orderId":"o1"}',
  version: 1,
  extensions: { tenant: "acme 🚂" },
};

for (const path of ["/events", "/events/orders.created", "/orders"]) {
  Deno.test(`POST ${path} reads the attributes of a binary CloudEvent from its headers`, async () => {
    const { send, publisher } = setup();
    const response = await send(path, { json: { orderId: "o1" }, headers: BINARY });
    assert.equal(response.status, 202);
    assert.equal((await response.json()).id, "order-1");
    assert.deepEqual(publisher.published, [PUBLISHED]);
  });

  Deno.test(`POST ${path} accepts a structured CloudEvent`, async () => {
    const { send, publisher } = setup();
    const json = envelope({ tenant: "acme 🚂", datacontenttype: "application/json" });
    const response = await send(path, { json, headers: { "content-type": `${STRUCTURED}; charset=utf-8` } });
    assert.equal(response.status, 202);
    assert.deepEqual(await response.json(), {
      id: "order-1",
      type: "orders.created",
      stream: "ORDERS",
      sequence: 1,
      duplicate: false,
    });
    assert.deepEqual(publisher.published, [PUBLISHED]);
  });
}

Deno.test("Idempotency-Key replaces the event's own id", async () => {
  const { send, publisher } = setup();
  const headers = { "idempotency-key": "k1" };
  await send("/orders", { json: { orderId: "o1" }, headers: { ...BINARY, ...headers } });
  await send("/events", { json: envelope(), headers: { ...headers, "content-type": STRUCTURED } });
  assert.deepEqual(publisher.published.map(({ id }) => id), ["k1", "k1"]);
});

Deno.test("POST /events turns numbers and booleans in extension attributes into text, and omits null", async () => {
  const { send, publisher } = setup();
  const json = envelope({ priority: 7, urgent: true, nothing: null });
  await send("/events", { json, headers: { "content-type": STRUCTURED } });
  assert.deepEqual(publisher.published[0].extensions, { priority: "7", urgent: "true" });
});

Deno.test("POST /events answers a batch with one result per event, in order", async () => {
  const { send, publisher } = setup();
  const paid = envelope({ id: "order-2", type: "orders.paid" });
  const response = await send("/events", { json: [envelope(), paid], headers: { "content-type": BATCH } });
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), [
    { id: "order-1", type: "orders.created", stream: "ORDERS", sequence: 1, duplicate: false },
    { id: "order-2", type: "orders.paid", stream: "ORDERS", sequence: 2, duplicate: false },
  ]);
  assert.equal(publisher.published.length, 2);
});

Deno.test("Idempotency-Key of a batch is numbered per event", async () => {
  const { send, publisher } = setup();
  const json = [envelope(), envelope({ id: "order-2" })];
  await send("/events", { json, headers: { "content-type": BATCH, "idempotency-key": "k1" } });
  assert.deepEqual(publisher.published.map(({ id }) => id), ["k1:0", "k1:1"]);
});

Deno.test("POST /events answers an empty batch with an empty array", async () => {
  const { send } = setup();
  const response = await send("/events", { json: [], headers: { "content-type": BATCH } });
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), []);
});

Deno.test("POST /events reads one event per line of NDJSON and skips blank lines", async () => {
  const { send, publisher } = setup();
  const body = [envelope(), "", envelope({ id: "order-2" })].map((event) => event && JSON.stringify(event)).join(
    "\r\n",
  );
  const response = await send("/events", { body: body + "\n", headers: { "content-type": NDJSON } });
  assert.equal(response.status, 202);
  assert.deepEqual((await response.json()).map(({ id }: { id: string }) => id), ["order-1", "order-2"]);
  assert.deepEqual(publisher.published.map(({ id }) => id), ["order-1", "order-2"]);
});
