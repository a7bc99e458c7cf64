import assert from "node:assert/strict";
import fc from "fast-check";
import { loadEvent, type RecordedEvent } from "weir/testing";
import { readRecording, writeRecording } from "../../runtime/testing/recorded_event.ts";

const BYTES = (text: string) => new TextEncoder().encode(text);
const EVENT: RecordedEvent = {
  kind: "recorded",
  subject: "orders.created",
  stream: "ORDERS",
  sequence: 7,
  time: "2026-11-21T10:00:00.123456789Z",
  headers: { "ce-id": "o1", "Nats-Msg-Id": "o1" },
  payload: BYTES('{"orderId":"o1"}'),
};

Deno.test("writeRecording writes compact JSON as data, other text as text, and bytes as base64", () => {
  const written = (payload: Uint8Array) => JSON.parse(writeRecording({ ...EVENT, payload }));
  assert.deepEqual(written(EVENT.payload), {
    weir: 1,
    subject: "orders.created",
    stream: "ORDERS",
    sequence: 7,
    time: "2026-11-21T10:00:00.123456789Z",
    headers: { "ce-id": "o1", "Nats-Msg-Id": "o1" },
    data: { orderId: "o1" },
  });
  assert.equal(written(BYTES('{ "orderId": "o1" }')).text, '{ "orderId": "o1" }');
  assert.equal(written(BYTES('{"total":1.0}')).text, '{"total":1.0}');
  assert.equal(written(BYTES("no JSON")).text, "no JSON");
  assert.equal(written(BYTES("\ufeff{}")).text, "\ufeff{}");
  assert.equal(written(BYTES("")).text, "");
  assert.equal(written(new Uint8Array([0xff, 0])).base64, "/wA=");
});

const payloads = fc.oneof(
  fc.uint8Array(),
  fc.json().map(BYTES),
  fc.string({ unit: "binary" }).map(BYTES),
  fc.jsonValue().map((value) => BYTES(JSON.stringify(value, null, 2))),
);

const names = fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), fc.string());

Deno.test("readRecording returns every recorded event byte for byte", () => {
  fc.assert(fc.property(payloads, names, (payload, headers) => {
    const event = { ...EVENT, headers, payload };
    const again = readRecording(writeRecording(event));
    assert.deepEqual(Object.entries(again.headers), Object.entries(headers));
    assert.deepEqual({ ...again, headers }, event);
  }));
});

Deno.test("loadEvent reads a file by its path and by its URL", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, writeRecording(EVENT));
    for (const file of [path, new URL(`file://${path}`), `file://${path}`]) {
      assert.deepEqual(await loadEvent(file), EVENT);
    }
  } finally {
    await Deno.remove(path);
  }
});

const good = { weir: 1, subject: "s", stream: "S", sequence: 1, time: "2026-11-21T10:00:00Z", headers: {}, data: 1 };
const { data: _, ...noPayload } = good;
const wrong: [given: unknown, message: RegExp][] = [
  [[], /expected object/],
  [{ ...good, weir: 2 }, /weir: not 1: the file is from another version/],
  [{ ...good, weir: undefined }, /weir: not 1/],
  [{ ...good, sequence: 0, headers: { a: 1 } }, /sequence: .*; headers: not an object of strings/],
  [{ ...good, time: "yesterday" }, /time: not a time such as/],
  [noPayload, /it must have one of data, text and base64, and it has 0/],
  [{ ...good, text: "1" }, /and it has 2/],
  [{ ...noPayload, base64: "%" }, /base64: /],
];
for (const [given, message] of wrong) {
  Deno.test(`readRecording refuses ${JSON.stringify(given)}`, () => {
    assert.throws(() => readRecording(JSON.stringify(given)), { message });
  });
}

Deno.test("loadEvent names the file that is missing or invalid", async () => {
  await assert.rejects(loadEvent("tests/nowhere.json"), {
    message: /^cannot read the recorded event tests\/nowhere\.json: /,
  });
  await assert.rejects(loadEvent(new URL("../layers_test.ts", import.meta.url)), {
    message: /layers_test\.ts is not a recorded event: it is not JSON: .*; record one with `deno task events record /,
  });
});
