import assert from "node:assert/strict";
import { z } from "zod";
import { defineEvent } from "../../runtime/api/define_event.ts";
import { BATCH, envelope, OrderCreated, problemOf, setup, STRUCTURED } from "../support/ingress.ts";

const JSON_TYPE = "application/json";
const BINARY = { "content-type": JSON_TYPE, "ce-specversion": "1.0", "ce-id": "order-1", "ce-source": "/shop" };
const json = { orderId: "o1" };

for (
  const [what, headers, attributes] of [
    ["a quoted value", { "ce-id": '"order 1"' }, { id: "order 1" }],
    ["escapes in a quoted value", { "ce-tenant": '"a \\"b\\" \\\\ c"' }, { tenant: 'a "b" \\ c' }],
    ["percent-encoding in a quoted value", { "ce-tenant": '"%E2%82%AC 5"' }, { tenant: "\u20ac 5" }],
    ["percent-encoding", { "ce-tenant": "Euro%20%E2%82%AC%20%F0%9F%98%80" }, { tenant: "Euro \u20ac \u{1f600}" }],
    ["percent-encoding in lower case", { "ce-tenant": "%e2%82%ac" }, { tenant: "\u20ac" }],
    ["an encoded percent sign, decoded once", { "ce-tenant": "100%2525" }, { tenant: "100%25" }],
    ["a quote within a value", { "ce-tenant": 'a"b"' }, { tenant: 'a"b"' }],
    ["an empty extension", { "ce-tenant": "" }, { tenant: "" }],
    ["a leap day", { "ce-time": "2028-02-29T23:59:59Z" }, { time: "2028-02-29T23:59:59Z" }],
    ["an offset", { "ce-time": "2026-11-21t10:00:00.123456789+05:30" }, {
      time: "2026-11-21t10:00:00.123456789+05:30",
    }],
    ["a quoted key", { "idempotency-key": '"a, \\"b\\""' }, { id: 'a, "b"' }],
    ["a plain key", { "idempotency-key": "a b" }, { id: "a b" }],
  ] as [string, Record<string, string>, Record<string, string>][]
) {
  Deno.test(`POST {route} reads ${what} as the CloudEvents HTTP binding says`, async () => {
    const { send, publisher } = setup();
    const response = await send("/orders", { json, headers: { ...BINARY, ...headers } });
    assert.equal(response.status, 202, await response.clone().text());
    const { id, time, extensions } = publisher.published[0];
    for (const [name, value] of Object.entries(attributes)) assert.equal({ id, time, ...extensions }[name], value);
  });
}

for (
  const [what, headers, status] of [
    ["invalid UTF-8", { "ce-tenant": "%FF" }, 400],
    ["UTF-8 that ends early", { "ce-id": "%E2%82" }, 400],
    ["an overlong form", { "ce-id": "%C0%80" }, 400],
    ["an encoded surrogate", { "ce-id": "%ED%A0%80" }, 400],
    ["a percent sign alone", { "ce-tenant": "100%" }, 400],
    ["an open quote", { "ce-tenant": '"a' }, 400],
    ["text after a quoted value", { "ce-tenant": '"a" b"' }, 400],
    ["raw bytes beyond ASCII", { "ce-tenant": "\u00fc" }, 400],
    ["an encoded line break", { "ce-id": "a%0Ab" }, 400],
    ["an encoded escape", { "ce-tenant": "%1B%5B2J" }, 400],
    ["an encoded C1 control", { "ce-tenant": "%C2%9B" }, 400],
    ["a noncharacter", { "ce-tenant": "%EF%BF%BF" }, 400],
    ["an empty source", { "ce-source": "" }, 400],
    ["an empty type", { "ce-type": "" }, 400],
    ["an empty time", { "ce-time": "" }, 400],
    ["an empty subject", { "ce-subject": "" }, 400],
    ["an empty specversion", { "ce-specversion": "" }, 400],
    ["a day that does not exist", { "ce-time": "2026-02-30T10:00:00Z" }, 400],
    ["a leap day in another year", { "ce-time": "2026-02-29T10:00:00Z" }, 400],
    ["hour 24", { "ce-time": "2026-02-28T24:00:00Z" }, 400],
    ["minute 60", { "ce-time": "2026-02-28T10:60:00Z" }, 400],
    ["an offset that does not exist", { "ce-time": "2026-02-28T10:00:00+24:00" }, 400],
    ["a source of 1,025 characters", { "ce-source": "x".repeat(1_025) }, 400],
    ["two keys", { "idempotency-key": "a, b" }, 400],
    ["two quoted keys", { "idempotency-key": '"a", "b"' }, 400],
    ["an open quote in its key", { "idempotency-key": '"a' }, 400],
    ["other data", { "ce-datacontenttype": "text/xml" }, 415],
    ["a body that is not as encoded as it is called", { "content-encoding": "gzip" }, 400],
    ["an unknown coding", { "content-encoding": "rot13" }, 415],
    ["another charset", { "content-type": "application/json; charset=utf-16" }, 415],
  ] as [string, Record<string, string>, number][]
) {
  Deno.test(`POST {route} answers ${status} for ${what}`, async () => {
    const { send, publisher } = setup();
    const response = await send("/orders", { json, headers: { ...BINARY, ...headers } });
    assert.equal((await problemOf(response)).status, status);
    assert.equal(publisher.published.length, 0);
  });
}

for (
  const [what, change, status] of [
    ["data that is called XML", { datacontenttype: "text/xml", data: "<a/>" }, 415],
    ["an empty datacontenttype", { datacontenttype: "" }, 415],
    ["a datacontenttype that is a number", { datacontenttype: 1 }, 400],
    ["a control character in its id", { id: "a\u0000" }, 400],
    ["a direction override and a line break", { tenant: "\u202e\n" }, 400],
    ["an empty type", { type: "" }, 400],
    ["an empty dataschema", { dataschema: "" }, 400],
    ["a dataschema that is no URI", { dataschema: "not <a> URI" }, 400],
    ["a dataschema without a scheme", { dataschema: "/schemas/order" }, 400],
    ["a whole number of more than 32 bits", { amount: 2_147_483_648 }, 400],
    ["a control character in its datacontenttype", { datacontenttype: "application/a\u0000+json" }, 415],
    ["a space in its datacontenttype", { datacontenttype: "application/a b+json" }, 415],
    ["a day that does not exist", { time: "2026-04-31T10:00:00Z" }, 400],
  ] as [string, object, number][]
) {
  Deno.test(`POST /events answers ${status} for a CloudEvent with ${what}, alone and in a batch`, async () => {
    const { send, publisher } = setup();
    for (const [contentType, json] of [[STRUCTURED, envelope(change)], [BATCH, [envelope(change)]]] as const) {
      const { status: actual } = await problemOf(
        await send("/events", { json, headers: { "content-type": contentType } }),
      );
      assert.equal(actual, status);
    }
    assert.equal(publisher.published.length, 0);
  });
}

Deno.test("POST /events accepts a datacontenttype of JSON, and the coding `identity`", async () => {
  const { send } = setup();
  const utf8 = ["application/json; charset=utf-8", "application/json; charset=utf8"];
  for (const datacontenttype of ["application/json", ...utf8, "application/vnd.shop+json"]) {
    const headers = { "content-type": STRUCTURED, "content-encoding": "identity" };
    assert.equal((await send("/events", { json: envelope({ datacontenttype }), headers })).status, 202);
  }
});

Deno.test("POST /events publishes a CloudEvent without data if its schema allows that, and 400 says so otherwise", async () => {
  const Ping = defineEvent({ type: "ping", version: 1, data: z.object({}).optional(), ingress: {} });
  const events = new Map([Ping, OrderCreated].map((event) => [event.type, event] as const));
  const binary = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop" };
  for (const type of ["ping", "orders.created"]) {
    const { send, publisher } = setup({ events });
    const structured = { specversion: "1.0", id: "1", source: "/shop", type };
    const answers = [
      await send("/events", { json: structured, headers: { "content-type": STRUCTURED } }),
      await send("/events", { headers: { ...binary, "ce-type": type } }),
      await send(`/events/${type}`, { headers: { ...binary, "content-type": JSON_TYPE } }),
    ];
    const details = await Promise.all(answers.map(async (answer) => (await answer.json()).detail));
    if (type === "ping") {
      assert.deepEqual(details, [undefined, undefined, undefined]);
      assert.deepEqual(publisher.published.map(({ json }) => json), ["", "", ""]);
    } else assert.deepEqual(details, Array(3).fill("the event has no data"));
  }
  const { send } = setup({ events });
  assert.equal((await send("/events/ping", { headers: { "content-type": JSON_TYPE } })).status, 400);
  assert.equal((await send("/events", { headers: { "ce-type": "ping" } })).status, 415);
});

for (const number of ["1e400", "9007199254740993", "-1e-400"]) {
  Deno.test(`POST refuses the number ${number}, which JSON parsers change, in every form`, async () => {
    const { send, publisher } = setup();
    const data = `{"orderId":"o1","more":[${number}]}`;
    const event = `{"specversion":"1.0","id":"1","source":"/shop","type":"orders.created","data":${data}}`;
    for (
      const [path, body, contentType] of [
        ["/orders", data, JSON_TYPE],
        ["/events", event, STRUCTURED],
        ["/events", `[${event}]`, BATCH],
        ["/events", event, "application/x-ndjson"],
      ]
    ) {
      const response = await send(path, { body, headers: { "content-type": contentType } });
      const { detail, results } = await problemOf(response);
      assert.match(results?.[0].detail ?? detail, new RegExp(`has the number ${number}, which JSON parsers change`));
    }
    assert.equal(publisher.published.length, 0);
  });
}

for (
  const [what, open, inner, close] of [
    ["lists", "[", "1", "]"],
    ["nested lists around a number with an exponent", "[", "1e5", "]"],
    ["objects", '{"a":', "1", "}"],
    ["objects with numbered members", '{"7":', "1e5", "}"],
  ]
) {
  Deno.test(`POST {route} answers 400 for ${what} that are nested deeper than the stack`, async () => {
    const Any = defineEvent({ type: "any", version: 1, data: z.any(), ingress: {} });
    const { send, errors } = setup({ events: new Map([["any", Any]]), maxBytes: 1_000_000 });
    const depth = 900_000 / (open.length + 1), body = open.repeat(depth) + inner + close.repeat(depth);
    const problem = await problemOf(await send("/events/any", { body, headers: { "content-type": JSON_TYPE } }));
    assert.deepEqual([problem.status, problem.detail], [400, "the body is nested more than 500 levels deep"]);
    assert.deepEqual(errors, []);
  });
}

Deno.test("POST answers no more than a caller can read, however long the type, path or query", async () => {
  const { send } = setup({ maxBytes: 1_000_000 });
  const long = "x".repeat(500_000);
  const answers = [
    await send("/events", { json: envelope({ type: long }), headers: { "content-type": STRUCTURED } }),
    await send("/events", { json: envelope({ [long]: 1 }), headers: { "content-type": STRUCTURED } }),
    await send("/events", { json: envelope({ time: long }), headers: { "content-type": STRUCTURED } }),
    await send(`/events/${long}`, { json }),
    await send(`/${long}`, { json }),
    await send("/orders", { json, headers: { "content-type": `text/${long}` } }),
  ];
  for (const answer of answers) assert.ok((await answer.text()).length < 2_000);
});
