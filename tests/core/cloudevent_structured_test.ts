import assert from "node:assert/strict";
import { decode, type Decoded, type Parse } from "../../runtime/core/cloudevent.ts";
import { delivery, plain } from "../support/deliveries.ts";

const ENVELOPE = {
  specversion: "1.0",
  id: "e1",
  type: "orders.created",
  source: "/shop",
  time: "2026-01-01T00:00:00Z",
  datacontenttype: "application/json",
  data: { orderId: "o1" },
};

function structured(envelope: unknown, headers: Record<string, string> = {}, parse?: Parse): Decoded {
  const all = { "content-type": "application/cloudevents+json; charset=UTF-8", ...headers };
  return decode(
    delivery({ headers: all, payload: JSON.stringify(envelope) }),
    parse && { type: "orders.created", version: 1, parse },
  );
}

Deno.test("decode reads a structured CloudEvent from its envelope", () => {
  assert.deepEqual(plain(structured({ ...ENVELOPE, partitionkey: "p7", sampledrate: 3, trusted: true })), {
    kind: "event",
    withoutId: false,
    event: {
      id: "e1",
      type: "orders.created",
      source: "/shop",
      time: "2026-01-01T00:00:00Z",
      data: { orderId: "o1" },
      subject: "orders.created",
      extensions: { partitionkey: "p7", sampledrate: "3", trusted: "true" },
    },
  });
});

Deno.test("decode refuses an envelope with an attribute that is no text, whose id would be the same for all", () => {
  for (const name of ["id", "source", "type", "time", "partitionkey"]) {
    for (const value of [{ a: 1 }, ["x"], {}]) {
      const decoded = structured({ ...ENVELOPE, [name]: value });
      assert.equal(
        decoded.kind === "invalid" && decoded.error.message,
        `the attribute ${name} of the CloudEvent is no text`,
      );
    }
  }
});

Deno.test("decode prefers the attributes of the envelope to those of headers", () => {
  const { event } = structured(ENVELOPE, { "ce-id": "other", "ce-extra": "x" });
  assert.equal(event.id, "e1");
  assert.deepEqual(event.extensions, {});
});

Deno.test("decode names an envelope without attributes by stream and sequence", () => {
  assert.deepEqual(plain(structured({ data: 1 })), {
    kind: "event",
    withoutId: true,
    event: {
      id: "ORDERS:42",
      type: "orders.created",
      source: "/streams/ORDERS",
      time: "2026-01-02T03:04:05.678Z",
      data: 1,
      subject: "orders.created",
      extensions: {},
    },
  });
});

Deno.test("decode ignores an attribute that is null, as the CloudEvents JSON format requires", () => {
  const { event } = structured({ ...ENVELOPE, id: null, time: null, partitionkey: null });
  assert.equal(event.id, "ORDERS:42");
  assert.equal(event.time, "2026-01-02T03:04:05.678Z");
  assert.deepEqual(event.extensions, {});
});

Deno.test("decode returns data_base64 as bytes", () => {
  const { data: _data, datacontenttype: _type, ...envelope } = ENVELOPE;
  const decoded = structured({ ...envelope, datacontenttype: "image/png", data_base64: "AQL/" });
  assert.equal(decoded.kind, "event");
  assert.deepEqual(decoded.event.data, new Uint8Array([1, 2, 255]));
});

Deno.test("decode checks the data of an envelope against the schema", () => {
  const seen: unknown[] = [];
  structured(ENVELOPE, {}, (data) => {
    seen.push(data);
    return { ok: true, value: data };
  });
  assert.deepEqual(seen, [{ orderId: "o1" }]);
});

Deno.test("decode keeps the attributes of an envelope whose data is refused", () => {
  const decoded = structured(ENVELOPE, {}, () => ({ ok: false, issues: [{ path: "orderId", message: "too short" }] }));
  assert.equal(decoded.kind, "invalid");
  assert.equal(decoded.event.id, "e1");
  assert.equal(decoded.event.source, "/shop");
  assert.equal(decoded.error.message, "does not match the schema of its type: orderId: too short");
});

for (const envelope of [null, [], "text", 7]) {
  Deno.test(`decode refuses the envelope ${JSON.stringify(envelope)}`, () => {
    const decoded = structured(envelope);
    assert.equal(decoded.kind, "invalid");
    assert.equal(decoded.error.message, "a structured CloudEvent must be a JSON object");
  });
}

Deno.test("decode refuses data_base64 that is not base64", () => {
  assert.equal(structured({ ...ENVELOPE, data_base64: "?" }).kind, "invalid");
});
