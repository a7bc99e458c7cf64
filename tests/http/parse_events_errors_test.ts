import assert from "node:assert/strict";
import { PublishError } from "../../runtime/engine/publisher.ts";
import { BATCH, envelope, problemOf, setup, STRUCTURED } from "../support/ingress.ts";

for (
  const [what, bad, status, detail] of [
    ["invalid data", { data: { orderId: 1 } }, 400, /^event 1: the data does not match .*; nothing was published$/],
    ["an unknown type", { type: "orders.gone" }, 404, /^event 1: no event "orders\.gone" .*; nothing was published$/],
    [
      "no specversion",
      { specversion: undefined },
      400,
      /^event 1: a CloudEvent needs "specversion": "1\.0"; nothing was published$/,
    ],
  ] as const
) {
  Deno.test(`POST /events publishes nothing of a batch with ${what}, and names the event`, async () => {
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
    ["an id with a lone surrogate", { id: "\ud83d" }, /well-formed/],
    ["a lone surrogate in an extension", { tenant: "\ud83d" }, /well-formed/],
    ["a source with a space", { source: "my shop" }, "source is not a URI reference of 1 to 1024 characters"],
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
    [
      "an attribute that is an object",
      { tenant: { name: "a" } },
      'attribute "tenant" is not text, boolean, or a whole number of 32 bits',
    ],
    ["no data", { data: undefined }, "the event has no data"],
    ["base64 data", { data_base64: "AA==" }, "data_base64 is not supported: the data of an event is JSON"],
  ] as const
) {
  Deno.test(`POST /events answers 400 for a CloudEvent with ${what}`, async () => {
    const { send, publisher } = setup();
    const response = await send("/events", { json: envelope(change), headers: { "content-type": STRUCTURED } });
    const problem = await problemOf(response);
    assert.deepEqual([problem.status, problem.title], [400, "Malformed request"]);
    if (typeof detail === "string") assert.equal(problem.detail, detail);
    else assert.match(problem.detail, detail);
    assert.equal(publisher.published.length, 0);
  });
}

Deno.test("POST /events says which events of a batch are stored and which are not", async () => {
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
      'the event\'s type is "orders.paid", but the path is for "orders.created"',
    ],
    [
      "an odd attribute",
      { "ce-my_tenant": "a" },
      'attribute "my_tenant": a name is 1 to 20 lower-case letters and digits',
    ],
    ["an empty Idempotency-Key", { "idempotency-key": "" }, "an event's id has 1 to 256 characters"],
  ] as const
) {
  Deno.test(`POST {route} answers 400 for ${what}`, async () => {
    const { send } = setup();
    const response = await send("/orders", { json: { orderId: "o1" }, headers });
    assert.deepEqual(await problemOf(response), { status: 400, title: "Malformed request", detail });
  });
}

Deno.test("POST {route} answers 400 for a structured CloudEvent of another type", async () => {
  const { send } = setup();
  const json = envelope({ type: "orders.paid" });
  const problem = await problemOf(await send("/orders", { json, headers: { "content-type": STRUCTURED } }));
  assert.equal(problem.detail, 'the event\'s type is "orders.paid", but the path is for "orders.created"');
});

for (const [what, json] of [["a number", 7], ["null", null], ["an array", [envelope()]]]) {
  Deno.test(`POST /events answers 400 for ${what} instead of a CloudEvent`, async () => {
    const { send } = setup();
    const problem = await problemOf(await send("/events", { json, headers: { "content-type": STRUCTURED } }));
    assert.equal(problem.detail, "a CloudEvent must be a JSON object");
  });
}

Deno.test("POST /events answers 415 for JSON without a ce-type header", async () => {
  const { send } = setup();
  const problem = await problemOf(await send("/events", { json: { orderId: "o1" } }));
  assert.deepEqual([problem.status, problem.detail], [
    415,
    "the request has application/json; send application/cloudevents+json, application/cloudevents-batch+json, " +
    "application/x-ndjson, or application/json with a ce-type header",
  ]);
});
