import assert from "node:assert/strict";
import { decode, type Decoded, type Parse } from "../../runtime/core/cloudevent.ts";
import { delivery } from "./deliveries.ts";

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
    parse && { type: "orders.created", parse },
  );
}

Deno.test("a structured CloudEvent is read from its envelope", () => {
  assert.deepEqual(structured({ ...ENVELOPE, partitionkey: "p7", sampledrate: 3, trusted: true }), {
    kind: "event",
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

Deno.test("the envelope's attributes count, not those of headers", () => {
  const { event } = structured(ENVELOPE, { "ce-id": "other", "ce-extra": "x" });
  assert.equal(event.id, "e1");
  assert.deepEqual(event.extensions, {});
});

Deno.test("an envelope without attributes is named after its place in the stream", () => {
  assert.deepEqual(structured({ data: 1 }), {
    kind: "event",
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

Deno.test("an attribute that is null counts as left out, as the CloudEvents JSON format says", () => {
  const { event } = structured({ ...ENVELOPE, id: null, time: null, partitionkey: null });
  assert.equal(event.id, "ORDERS:42");
  assert.equal(event.time, "2026-01-02T03:04:05.678Z");
  assert.deepEqual(event.extensions, {});
});

Deno.test("data_base64 is handed over as bytes", () => {
  const { data: _data, datacontenttype: _type, ...envelope } = ENVELOPE;
  const decoded = structured({ ...envelope, datacontenttype: "image/png", data_base64: "AQL/" });
  assert.equal(decoded.kind, "event");
  assert.deepEqual(decoded.event.data, new Uint8Array([1, 2, 255]));
});

Deno.test("the schema sees the data, not the envelope", () => {
  const seen: unknown[] = [];
  structured(ENVELOPE, {}, (data) => {
    seen.push(data);
    return { ok: true, value: data };
  });
  assert.deepEqual(seen, [{ orderId: "o1" }]);
});

Deno.test("an envelope whose data the schema refuses keeps its attributes", () => {
  const decoded = structured(ENVELOPE, {}, () => ({ ok: false, issues: [{ path: "orderId", message: "too short" }] }));
  assert.equal(decoded.kind, "invalid");
  assert.equal(decoded.event.id, "e1");
  assert.equal(decoded.event.source, "/shop");
  assert.equal(decoded.error.message, "does not match the schema of its type: orderId: too short");
});

for (const envelope of [null, [], "text", 7]) {
  Deno.test(`${JSON.stringify(envelope)} is no envelope`, () => {
    const decoded = structured(envelope);
    assert.equal(decoded.kind, "invalid");
    assert.equal(decoded.error.message, "a structured CloudEvent must be a JSON object");
  });
}

Deno.test("data_base64 that is not base64 is invalid", () => {
  assert.equal(structured({ ...ENVELOPE, data_base64: "?" }).kind, "invalid");
});
