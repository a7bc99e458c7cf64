import assert from "node:assert/strict";
import { PublishError } from "../../runtime/nats/publish/publish_error.ts";
import { BATCH, envelope, problemOf, setup, STRUCTURED } from "./ingress_fixture.ts";

for (
  const [what, bad, status, detail] of [
    ["invalid data", { data: { orderId: 1 } }, 400, /^event 1: the data does not match .*; nothing was published$/],
    ["an unknown type", { type: "orders.gone" }, 404, /^event 1: no event "orders\.gone" .*; nothing was published$/],
    ["no specversion", { specversion: undefined }, 400, /^event 1: a CloudEvent needs "specversion": "1\.0"/],
  ] as const
) {
  Deno.test(`a batch with ${what} in it is refused whole, naming the event`, async () => {
    const { send, publisher } = setup();
    const events = [envelope(), envelope(bad), envelope()];
    const problem = await problemOf(await send("/events", { json: events, headers: { "content-type": BATCH } }));
    assert.equal(problem.status, status);
    assert.match(problem.detail, detail);
    assert.equal(publisher.published.length, 0);
  });
}

for (
  const [what, change, detail] of [
    ["another specversion", { specversion: "0.3" }, 'a CloudEvent needs "specversion": "1.0"'],
    ["no type", { type: undefined }, 'a CloudEvent needs a "type"'],
    ["an id that is a number", { id: 7 }, "id must be a string"],
    ["an empty id", { id: "" }, "an event's id has 1 to 256 characters"],
    ["an id of 257 characters", { id: "x".repeat(257) }, "an event's id has 1 to 256 characters"],
    ["an id that is half a character", { id: "\ud83d" }, /well-formed/],
    ["half a character in an extension", { tenant: "\ud83d" }, /well-formed/],
    ["a source with a space", { source: "my shop" }, "source is not a URI reference"],
    [
      "a time without a zone",
      { time: "2026-11-21T10:00:00" },
      'time "2026-11-21T10:00:00" is not an RFC 3339 timestamp',
    ],
    [
      "a time that does not exist",
      { time: "2026-13-41T10:00:00Z" },
      'time "2026-13-41T10:00:00Z" is not an RFC 3339 timestamp',
    ],
    [
      "an attribute in capitals",
      { Tenant: "a" },
      'attribute "Tenant": a name is 1 to 20 lower-case letters and digits',
    ],
    ["an attribute that is an object", { tenant: { name: "a" } }, 'attribute "tenant" is not text, number or boolean'],
    ["no data", { data: undefined }, "the event has no data"],
    ["base64 data", { data_base64: "AA==" }, "data_base64 is not taken: the data of an event is JSON"],
  ] as const
) {
  Deno.test(`a CloudEvent with ${what} is malformed`, async () => {
    const { send, publisher } = setup();
    const response = await send("/events", { json: envelope(change), headers: { "content-type": STRUCTURED } });
    const problem = await problemOf(response);
    assert.deepEqual([problem.status, problem.title], [400, "Malformed request"]);
    if (typeof detail === "string") assert.equal(problem.detail, detail);
    else assert.match(problem.detail, detail);
    assert.equal(publisher.published.length, 0);
  });
}

Deno.test("a batch that is stored in part says which events are, and which are not", async () => {
  const { send, publisher } = setup();
  publisher.answer = ({ id }) => {
    if (id === "order-2") throw new PublishError("unavailable", "why");
    return { stream: "ORDERS", sequence: 1, duplicate: false };
  };
  const json = [envelope(), envelope({ id: "order-2" })];
  const response = await send("/events", { json, headers: { "content-type": BATCH } });
  assert.equal(response.headers.get("retry-after"), "5");
  assert.deepEqual(await problemOf(response), {
    status: 503,
    title: "Service Unavailable",
    detail: "1 of 2 events were stored: `results` says which",
    results: [
      { id: "order-1", type: "orders.created", stream: "ORDERS", sequence: 1, duplicate: false },
      { status: 503, title: "Service Unavailable", detail: "why; send it again with the same id" },
    ],
  });
});

for (
  const [what, headers, detail] of [
    ["another ce-specversion", { "ce-specversion": "2.0" }, "ce-specversion must be 1.0"],
    [
      "another ce-type",
      { "ce-type": "orders.paid" },
      'the event says it is "orders.paid", but it was posted as "orders.created"',
    ],
    [
      "an odd attribute",
      { "ce-my_tenant": "a" },
      'attribute "my_tenant": a name is 1 to 20 lower-case letters and digits',
    ],
    ["an empty Idempotency-Key", { "idempotency-key": "" }, "an event's id has 1 to 256 characters"],
  ] as const
) {
  Deno.test(`a request with ${what} is malformed`, async () => {
    const { send } = setup();
    const response = await send("/orders", { json: { orderId: "o1" }, headers });
    assert.deepEqual(await problemOf(response), { status: 400, title: "Malformed request", detail });
  });
}

Deno.test("a structured CloudEvent of another type than the route's is malformed", async () => {
  const { send } = setup();
  const json = envelope({ type: "orders.paid" });
  const problem = await problemOf(await send("/orders", { json, headers: { "content-type": STRUCTURED } }));
  assert.equal(problem.detail, 'the event says it is "orders.paid", but it was posted as "orders.created"');
});

for (const [what, json] of [["a number", 7], ["null", null], ["an array", [envelope()]]]) {
  Deno.test(`${what} is no CloudEvent`, async () => {
    const { send } = setup();
    const problem = await problemOf(await send("/events", { json, headers: { "content-type": STRUCTURED } }));
    assert.equal(problem.detail, "a CloudEvent must be a JSON object");
  });
}

Deno.test("plain JSON on /events is not supported, since nothing says what it is", async () => {
  const { send } = setup();
  const problem = await problemOf(await send("/events", { json: { orderId: "o1" } }));
  assert.deepEqual([problem.status, problem.detail], [
    415,
    "the request has application/json; send application/cloudevents+json, application/cloudevents-batch+json, " +
    "application/x-ndjson, or application/json with a ce-type header",
  ]);
});
