import assert from "node:assert/strict";
import fc from "fast-check";
import { decode, encodeAttribute, issueText, type Parse } from "../../runtime/core/cloudevent.ts";
import { delivery, plain } from "../support/deliveries.ts";
import { strangeValues } from "../support/strange_values.ts";

const BINARY = {
  "ce-specversion": "1.0",
  "ce-id": "e1",
  "ce-type": "orders.created",
  "ce-source": "/shop",
  "ce-time": "2026-01-01T00:00:00Z",
  "ce-partitionkey": "p7",
  "content-type": "application/json",
};

Deno.test("decode reads a binary CloudEvent from its headers", () => {
  assert.deepEqual(plain(decode(delivery({ headers: BINARY, payload: '{"orderId":"o1"}' }))), {
    kind: "event",
    withoutId: false,
    event: {
      id: "e1",
      type: "orders.created",
      source: "/shop",
      time: "2026-01-01T00:00:00Z",
      data: { orderId: "o1" },
      subject: "orders.created",
      extensions: { partitionkey: "p7" },
    },
  });
});

Deno.test("decode reads the length of a chain of emitted events, also beside an envelope, and ignores what is no number", () => {
  const hopsOf = (headers: Record<string, string>, payload = "{}") => {
    const decoded = decode(delivery({ headers, payload }));
    return decoded.kind === "event" ? decoded.hops : assert.fail(decoded.error.message);
  };
  const envelope = { "content-type": "application/cloudevents+json" };
  const odd = ["0", "x", "", "-5", "1.5", "1e400", "0x10", "9".repeat(40)];
  assert.deepEqual(["3", ...odd].map((hops) => hopsOf({ "weir-hops": hops })), [3, ...odd.map(() => undefined)]);
  assert.equal(hopsOf({ ...envelope, "weir-hops": "4" }, '{"specversion":"1.0","id":"a","hops":"9","data":1}'), 4);
  assert.equal(hopsOf({ "ce-hops": "5", "ce-weir-hops": "6" }), undefined);
});

Deno.test("decode names a message without headers by stream and sequence", () => {
  assert.deepEqual(plain(decode(delivery({ payload: "[1]", subject: "orders.eu.created" }))), {
    kind: "event",
    withoutId: true,
    event: {
      id: "ORDERS:42",
      type: "orders.eu.created",
      source: "/streams/ORDERS",
      time: "2026-01-02T03:04:05.678Z",
      data: [1],
      subject: "orders.eu.created",
      extensions: {},
    },
  });
});

Deno.test("decode reads headers of any case", () => {
  const shouting = Object.fromEntries(Object.entries(BINARY).map(([name, value]) => [name.toUpperCase(), value]));
  const { event } = decode(delivery({ headers: shouting }));
  assert.equal(event.id, "e1");
  assert.equal(event.time, "2026-01-01T00:00:00Z");
  assert.deepEqual(event.extensions, { partitionkey: "p7" });
});

Deno.test("decode takes Nats-Msg-Id if there is no CloudEvents id", () => {
  assert.equal(decode(delivery({ headers: { "Nats-Msg-Id": "m1" } })).event.id, "m1");
  assert.equal(decode(delivery({ headers: { "Nats-Msg-Id": "m1", "ce-id": "e1" } })).event.id, "e1");
});

Deno.test("decode tells events without an id of their own", () => {
  for (
    const [headers, withoutId] of [
      [{}, true],
      [{ "x-note": "1" }, true],
      [{ "ce-id": "" }, true],
      [{ "ce-id": "ORDERS:42" }, false],
      [{ "nats-msg-id": "m1" }, false],
    ] as const
  ) assert.equal(decode(delivery({ headers })).withoutId, withoutId, JSON.stringify(headers));
});

Deno.test("decode makes extensions of CloudEvents headers alone", () => {
  const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-other": "1" };
  assert.deepEqual(decode(delivery({ headers })).event.extensions, {});
});

const encoded: [text: string, header: string][] = [
  ["plain-id_1.2~3", "plain-id_1.2~3"],
  ["two words", "two%20words"],
  ["100%", "100%25"],
  ['"quoted"', "%22quoted%22"],
  ["Größe", "Gr%C3%B6%C3%9Fe"],
  ["€", "%E2%82%AC"],
  ["🚢", "%F0%9F%9A%A2"],
  ["a\r\nb", "a%0D%0Ab"],
];
for (const [text, header] of encoded) {
  Deno.test(`encodeAttribute makes ${header} of ${JSON.stringify(text)}, and decodeAttribute reverses it`, () => {
    assert.equal(encodeAttribute(text), header);
    assert.equal(decode(delivery({ headers: { "ce-id": header } })).event.id, text);
  });
}

Deno.test("encodeAttribute writes any text as printable ASCII without spaces", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
    const header = encodeAttribute(text);
    assert.match(header, /^[\x21-\x7e]+$/);
    assert.equal(decode(delivery({ headers: { "ce-id": header } })).event.id, text);
  }));
});

Deno.test("encodeAttribute replaces half a surrogate pair", () => {
  assert.equal(encodeAttribute("a\ud800"), "a%EF%BF%BD");
});

Deno.test("decodeAttribute keeps a value that is not percent-encoded", () => {
  assert.equal(decode(delivery({ headers: { "ce-id": "50%off" } })).event.id, "50%off");
});

const contents: [contentType: string, payload: string, data: unknown][] = [
  ["application/json; charset=utf-8", '{"a":1}', { a: 1 }],
  ["Application/JSON", '{"a":1}', { a: 1 }],
  ["application/vnd.shop.order+json", '{"a":1}', { a: 1 }],
  ["text/json", '{"a":1}', { a: 1 }],
  ["text/plain", '{"a":1}', '{"a":1}'],
  ["text/csv; header=present", "a,b", "a,b"],
  ["application/octet-stream", "\u0001\u0002", new Uint8Array([1, 2])],
  ["image/png", "\u0001", new Uint8Array([1])],
];
for (const [contentType, payload, data] of contents) {
  Deno.test(`decode returns ${contentType} as ${data instanceof Uint8Array ? "bytes" : JSON.stringify(data)}`, () => {
    const decoded = decode(delivery({ headers: { "content-type": contentType }, payload }));
    assert.equal(decoded.kind, "event");
    assert.deepEqual(decoded.event.data, data);
  });
}

Deno.test("decode refuses JSON that is not UTF-8, and tells its size", () => {
  assert.deepEqual(
    plain(decode(delivery({ headers: { "ce-id": "e1" }, payload: new Uint8Array([0x22, 0xff, 0x22]) }))),
    {
      kind: "invalid",
      withoutId: false,
      event: {
        id: "e1",
        type: "orders.created",
        source: "/streams/ORDERS",
        time: "2026-01-02T03:04:05.678Z",
        data: undefined,
        subject: "orders.created",
        extensions: {},
      },
      error: { name: "InvalidEventError", message: "the payload (3 bytes) is not UTF-8 text" },
    },
  );
});

for (const payload of ["", "{", "undefined", '{"a":1}x', "NaN"]) {
  Deno.test(`decode refuses ${JSON.stringify(payload)}, which is not JSON`, () => {
    const decoded = decode(delivery({ payload }));
    assert.equal(decoded.kind, "invalid");
    assert.match(decoded.error.message, new RegExp(`^the payload \\(${payload.length} bytes\\) is not JSON: .+`));
  });
}

Deno.test("decode does not quote a payload in its error, which is logged", () => {
  for (const payload of ["card 4111 1111 1111", `{"card": "4111", "x": ${"y".repeat(80)}`, "4111 1111"]) {
    const decoded = decode(delivery({ payload }));
    assert.equal(decoded.kind, "invalid");
    assert.doesNotMatch(decoded.error.message, /4111|card|yy/);
  }
});

Deno.test("decode refuses text that is not UTF-8", () => {
  const headers = { "content-type": "text/plain" };
  assert.equal(decode(delivery({ headers, payload: new Uint8Array([0xff]) })).kind, "invalid");
});

Deno.test("decode returns the output of the schema", () => {
  const parse: Parse = (data) => ({ ok: true, value: [data, "parsed"] });
  assert.deepEqual(decode(delivery({ payload: "1" }), { type: "orders.created", version: 1, parse }).event.data, [
    1,
    "parsed",
  ]);
});

Deno.test("decode names the path of every issue", () => {
  const issues = [
    { path: "items.0.sku", message: "expected string" },
    { path: "", message: "unrecognized key" },
    { path: "total", message: "too small" },
  ];
  const decoded = decode(delivery({ headers: BINARY }), {
    type: "orders.created",
    version: 1,
    parse: () => ({ ok: false, issues }),
  });
  assert.equal(decoded.kind, "invalid");
  assert.equal(decoded.event.id, "e1");
  assert.deepEqual(decoded.error, {
    name: "InvalidEventError",
    message: "does not match the schema of its type: " +
      "items.0.sku: expected string; unrecognized key; total: too small",
  });
});

const versions: [dataSchema: string | undefined, isNewer: true | undefined][] = [
  [undefined, undefined],
  ["urn:weir:schema:orders.created:1", undefined],
  ["urn:weir:schema:orders.created:2", undefined],
  ["urn:weir:schema:orders.created:3", true],
  ["urn:weir:schema:orders.paid:3", undefined],
  ["https://schemas.example/orders.created/3", undefined],
];
for (const [dataSchema, isNewer] of versions) {
  Deno.test(`decode with version 2 of a schema marks refused data of ${dataSchema} as ${isNewer ? "" : "not "}newer`, () => {
    const headers = { ...BINARY, ...(dataSchema && { "ce-dataschema": dataSchema }) };
    const parse: Parse = () => ({ ok: false, issues: [{ path: "n", message: "too small" }] });
    const decoded = decode(delivery({ headers }), { type: "orders.created", version: 2, parse });
    assert.ok(decoded.kind === "invalid");
    assert.equal(decoded.isNewer, isNewer);
    const which = isNewer ? "version 2 of the schema of its type, and is of version 3" : "the schema of its type";
    assert.equal(decoded.error.message, `does not match ${which}: n: too small`);
  });
}

Deno.test("decode refuses an event whose schema throws", () => {
  for (const thrown of [new Error("refine went wrong"), "refine went wrong"]) {
    const decoded = decode(delivery(), {
      type: "orders.created",
      version: 1,
      parse: () => {
        throw thrown;
      },
    });
    assert.equal(decoded.kind, "invalid");
    assert.deepEqual(decoded.error, { name: "InvalidEventError", message: "refine went wrong" });
  }
});

Deno.test("decode refuses an event whose schema throws a value of any shape", () => {
  for (const [what, thrown] of Object.entries(strangeValues())) {
    const parse = () => {
      throw thrown;
    };
    assert.equal(decode(delivery(), { type: "orders.created", version: 1, parse }).kind, "invalid", what);
  }
});

Deno.test("issueText joins issues to one line", () => {
  assert.equal(issueText([{ path: "a", message: "x" }, { path: "", message: "y" }]), "a: x; y");
});

Deno.test("decode takes the type of the subject's event, not that of the publisher", () => {
  const parse: Parse = (value) => ({ ok: true, value });
  const decoded = decode(delivery({ headers: { "ce-type": "com.example.order" } }), {
    type: "orders.created",
    version: 1,
    parse,
  });
  assert.equal(decoded.event.type, "orders.created");
  assert.equal(decode(delivery({ headers: { "ce-type": "com.example.order" } })).event.type, "com.example.order");
});
