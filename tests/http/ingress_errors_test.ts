import assert from "node:assert/strict";
import { PublishError } from "../../runtime/engine/publisher.ts";
import { problemOf, setup } from "../support/ingress.ts";

const JSON_TYPE = { "content-type": "application/json" };

for (
  const [what, body, detail] of [
    ["is not JSON", '{"orderId":', /^the body is not JSON: /],
    ["is empty", "", /^the body is not JSON: /],
    ["is not UTF-8", Uint8Array.of(123, 255, 125), /^the body is not UTF-8 text$/],
    ["ends within a character", Uint8Array.of(34, 0xc3), /^the body is not UTF-8 text$/],
  ] as const
) {
  Deno.test(`POST {route} answers 400 for a body that ${what}`, async () => {
    const { send, publisher } = setup();
    const problem = await problemOf(await send("/orders", { body, headers: JSON_TYPE }));
    assert.deepEqual([problem.status, problem.title], [400, "Malformed request"]);
    assert.match(problem.detail, detail);
    assert.equal(publisher.published.length, 0);
  });
}

Deno.test("POST /events/{type} refuses data that does not match the schema, with every issue and its path", async () => {
  const { send, publisher } = setup();
  const items = [{ sku: "book", quantity: 0 }, { sku: 7, quantity: 1 }, { quantity: 1.5 }];
  const problem = await problemOf(await send("/events/orders.created", { json: { orderId: 1, items } }));
  assert.deepEqual([problem.status, problem.title, problem.detail], [
    400,
    "Invalid event data",
    "the data does not match the schema of orders.created",
  ]);
  assert.deepEqual(problem.errors.map(({ path }: { path: string }) => path), [
    "orderId",
    "items.0.quantity",
    "items.1.sku",
    "items.2.sku",
    "items.2.quantity",
  ]);
  assert.equal(problem.errors[0].message, "Invalid input: expected string, received number");
  assert.equal(publisher.published.length, 0);
});

Deno.test("POST /events/{type} reports one issue with an empty path for data of another kind", async () => {
  const { send } = setup();
  const problem = await problemOf(await send("/events/orders.created", { json: [1] }));
  assert.deepEqual(problem.errors, [{ path: "", message: "Invalid input: expected object, received array" }]);
});

for (
  const [what, path, detail] of [
    ["an unknown type", "/events/orders.unknown", 'no event "orders.unknown" can be published from outside'],
    [
      "an internal type",
      "/events/stock.reserved",
      'no event "stock.reserved" can be published from outside: it is internal, until its defineEvent has `ingress: {}`',
    ],
    [
      "a misspelt type",
      "/events/orders.creatd",
      'no event "orders.creatd" can be published from outside: did you mean "orders.created"?',
    ],
    ["a property of every object", "/events/constructor", 'no event "constructor" can be published from outside'],
    ["another path", "/nowhere", "nothing is at /nowhere"],
    ["a path below a type", "/events/orders.created/more", "nothing is at /events/orders.created/more"],
  ]
) {
  Deno.test(`POST ${path} answers 404 (${what})`, async () => {
    const { send, publisher } = setup();
    const problem = await problemOf(await send(path, { json: { orderId: "o1" } }));
    assert.deepEqual([problem.status, problem.detail], [404, detail]);
    assert.equal(publisher.published.length, 0);
  });
}

for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  for (const path of ["/events", "/events/orders.created", "/orders"]) {
    Deno.test(`${method} ${path} answers 405 with Allow: POST`, async () => {
      const { send } = setup();
      const response = await send(path, { method });
      assert.equal(response.headers.get("allow"), "POST");
      const problem = await problemOf(response);
      assert.deepEqual([problem.status, problem.title], [405, "Method Not Allowed"]);
    });
  }
}

for (const contentType of [undefined, "text/plain", "application/xml", "application/cloudevents-batch+json"]) {
  Deno.test(`POST {route} answers 415 for the content type ${contentType}`, async () => {
    const { send, publisher } = setup();
    const body = new TextEncoder().encode('{"orderId":"o1"}'); // bytes have no content type of their own
    const problem = await problemOf(
      await send("/orders", { body, headers: contentType ? { "content-type": contentType } : {} }),
    );
    assert.deepEqual([problem.status, problem.title, problem.detail], [
      415,
      "Unsupported Media Type",
      `the request has ${contentType ?? "no content type"}; send application/json`,
    ]);
    assert.equal(publisher.published.length, 0);
  });
}

for (
  const [problem, status, title, detail, retryAfter] of [
    ["unavailable", 503, "Service Unavailable", "why; send it again with the same id", "5"],
    ["full", 503, "Service Unavailable", "the event was not stored: why", "30"],
    ["no-stream", 503, "Service Unavailable", "the event was not stored: why", "30"],
    ["denied", 503, "Service Unavailable", "the event was not stored: why", "30"],
    ["refused", 503, "Service Unavailable", "the event was not stored: why", "30"],
    ["too-large", 413, "Content Too Large", "why", null],
    ["id-taken", 422, "Idempotency key reused", "why", null],
  ] as const
) {
  Deno.test(`POST {route} answers ${status} when storing fails with "${problem}"`, async () => {
    const { send, publisher, errors } = setup();
    publisher.answer = () => Promise.reject(new PublishError(problem, "why"));
    const response = await send("/orders", { json: { orderId: "o1" } });
    assert.equal(response.headers.get("retry-after"), retryAfter);
    assert.deepEqual(await problemOf(response), { status, title, detail });
    assert.deepEqual(errors, []);
  });
}

Deno.test("POST {route} logs an unexpected error and hides it from the caller", async () => {
  const { send, publisher, errors } = setup();
  const bug = new TypeError("secret internals");
  publisher.answer = () => Promise.reject(bug);
  assert.deepEqual(await problemOf(await send("/orders", { json: { orderId: "o1" } })), {
    status: 500,
    title: "Internal Server Error",
    detail: "the event was not published; the log says why",
  });
  assert.deepEqual(errors, [bug]);
});
