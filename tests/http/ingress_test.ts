import assert from "node:assert/strict";
import { setup } from "../support/ingress.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("POST /events/{type} answers 202 with stream and sequence once the event is stored", async () => {
  const { send, publisher } = setup();
  const response = await send("/events/orders.created", { json: { orderId: "o1" } });
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("content-type"), "application/json");
  const { id, ...rest } = await response.json();
  assert.match(id, UUID);
  assert.deepEqual(rest, { type: "orders.created", stream: "ORDERS", sequence: 1, duplicate: false });
  const [{ time, ...event }] = publisher.published;
  assert.deepEqual(event, {
    id,
    type: "orders.created",
    source: "/ingress",
    json: '{"orderId":"o1"}',
    version: 1,
    extensions: {},
  });
  assert.equal(new Date(time).toISOString(), time);
});

Deno.test("POST to an event's own route publishes that event", async () => {
  const { send, publisher } = setup();
  const response = await send("/orders", { json: { orderId: "o1" }, headers: { "idempotency-key": "k1" } });
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), {
    id: "k1",
    type: "orders.created",
    stream: "ORDERS",
    sequence: 1,
    duplicate: false,
  });
  assert.equal(publisher.published.length, 1);
});

for (
  const contentType of [
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json; charset = utf-8; v=1",
    "application/json; v=1",
    "APPLICATION/JSON",
    "application/vnd.shop+json",
  ]
) {
  Deno.test(`POST {route} accepts the content type ${contentType}`, async () => {
    const { send } = setup();
    const headers = { "content-type": contentType };
    assert.equal((await send("/orders", { json: { orderId: "o1" }, headers })).status, 202);
  });
}

Deno.test("POST {route} publishes the data as it was sent, not as the schema returned it", async () => {
  const { send, publisher } = setup();
  await send("/orders", {
    body: '{ "orderId": "o1", "more": "ü🚂" }',
    headers: { "content-type": "application/json" },
  });
  assert.equal(publisher.published[0].json, '{"orderId":"o1","more":"ü🚂"}');
});

Deno.test("Idempotency-Key becomes the event's id, with or without quotes", async () => {
  const { send, publisher } = setup();
  for (const key of ["key-1", '"key-1"']) {
    await send("/events/orders.created", { json: { orderId: "o1" }, headers: { "idempotency-key": key } });
  }
  assert.deepEqual(publisher.published.map(({ id }) => id), ["key-1", "key-1"]);
});

Deno.test("POST {route} answers a duplicate with the position of the stored event and `duplicate: true`", async () => {
  const { send, publisher } = setup();
  publisher.answer = () => ({ stream: "ORDERS", sequence: 7, duplicate: true });
  const headers = { "idempotency-key": "k1" };
  const response = await send("/orders", { json: { orderId: "o1" }, headers });
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), {
    id: "k1",
    type: "orders.created",
    stream: "ORDERS",
    sequence: 7,
    duplicate: true,
  });
});

Deno.test("POST {route} passes no Nats-* or weir-* header to the event", async () => {
  const { send, publisher } = setup();
  const headers = {
    "Nats-Msg-Id": "forged",
    "Nats-Rollup": "all",
    "Nats-TTL": "1s",
    "Weir-Reason": "forged",
    "weir-function": "forged",
    "weir-hops": "49",
    "x-other": "not passed on either",
    "idempotency-key": "k1",
  };
  await send("/orders", { json: { orderId: "o1" }, headers });
  const [{ time: _, ...event }] = publisher.published;
  assert.deepEqual(event, {
    id: "k1",
    type: "orders.created",
    source: "/ingress",
    json: '{"orderId":"o1"}',
    version: 1,
    extensions: {},
  });
});

Deno.test("POST {route} names the API key in the event's source", async () => {
  const { send, publisher } = setup({ keys: [{ name: "shop", secret: "s3cret", pattern: ">" }] });
  await send("/orders", { json: { orderId: "o1" }, headers: { authorization: "Bearer s3cret" } });
  assert.equal(publisher.published[0].source, "/ingress/shop");
});
