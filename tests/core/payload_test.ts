import assert from "node:assert/strict";
import { decode } from "../../runtime/core/cloudevent.ts";
import type { DecodeMode } from "../../runtime/core/payload.ts";
import { delivery } from "../support/deliveries.ts";

const bytes = (...all: number[]) => Uint8Array.from(all);
const utf8 = (text: string) => new TextEncoder().encode(text);
const STRUCTURED = { "content-type": "application/cloudevents+json" };
const EVENT = { "ce-specversion": "1.0", "ce-id": "e1", "ce-type": "orders.created", "ce-source": "/shop" };
const envelope = (members: object) =>
  JSON.stringify({ specversion: "1.0", id: "e1", source: "/shop", type: "t.u", ...members });

const decoded: [
  what: string,
  DecodeMode | undefined,
  headers: Record<string, string>,
  payload: string | Uint8Array,
  unknown,
][] = [
  ["JSON, without a content type", undefined, {}, '{"a":1}', { a: 1 }],
  ["text, by its content type", undefined, { "content-type": "text/plain; charset=utf-8" }, "{", "{"],
  ["bytes, by their content type", undefined, { "content-type": "image/png" }, bytes(0, 255), bytes(0, 255)],
  ["JSON of another content type", "json", { "content-type": "text/plain" }, "[1]", [1]],
  ["text of another content type", "text", { "content-type": "application/json" }, "[1]", "[1]"],
  ["bytes of another content type", "bytes", { "content-type": "application/json" }, "[1]", utf8("[1]")],
  ["bytes that are no text", "bytes", {}, bytes(0xff, 0, 0xfe), bytes(0xff, 0, 0xfe)],
  ["no text of an empty payload", "text", {}, "", ""],
  ["no bytes of an empty payload", "bytes", EVENT, "", bytes()],
  ["no data of a CloudEvent", undefined, EVENT, "", undefined],
  ["no data of a CloudEvent, of any content type", undefined, { ...EVENT, "content-type": "image/png" }, "", undefined],
  ["no data of a CloudEvent, as JSON", "json", EVENT, "", undefined],
  ["no data of an envelope", undefined, STRUCTURED, envelope({}), undefined],
  ["no data of an envelope, as text", "text", STRUCTURED, envelope({}), ""],
  ["no data of an envelope, as bytes", "bytes", STRUCTURED, envelope({}), bytes()],
  ["the data of an envelope", "json", STRUCTURED, envelope({ data: { a: 1 } }), { a: 1 }],
  ["the text of an envelope", "text", STRUCTURED, envelope({ data: "ü" }), "ü"],
  ["the text of an envelope, as bytes", "bytes", STRUCTURED, envelope({ data: "ü" }), utf8("ü")],
  ["the JSON of an envelope, as text", "text", STRUCTURED, envelope({ data: { a: 1 } }), '{"a":1}'],
  ["the bytes of an envelope", "bytes", STRUCTURED, envelope({ data_base64: "/wA=" }), bytes(255, 0)],
  ["the bytes of an envelope, as text", "text", STRUCTURED, envelope({ data_base64: "w7w=" }), "ü"],
  ["the bytes of an envelope, as JSON", "json", STRUCTURED, envelope({ data_base64: "WzFd" }), [1]],
];
for (const [what, mode, headers, payload, data] of decoded) {
  Deno.test(`decode with mode ${mode} gives ${what}`, () => {
    const result = decode(delivery({ headers, payload }), undefined, mode);
    assert.equal(result.kind, "event");
    assert.deepEqual(result.event.data, data);
  });
}

const refused: [
  what: string,
  DecodeMode | undefined,
  headers: Record<string, string>,
  payload: string | Uint8Array,
  RegExp,
][] = [
  ["an empty payload of no CloudEvent", undefined, {}, "", /^the payload \(0 bytes\) is not JSON/],
  ["text that is no JSON", "json", { "content-type": "text/plain" }, "hello", /^the payload \(5 bytes\) is not JSON/],
  ["bytes that are no text", "text", {}, bytes(0xff, 0), /^the payload \(2 bytes\) is not UTF-8 text$/],
  ["bytes of an envelope that are no text", "text", STRUCTURED, envelope({ data_base64: "/wA=" }), /not UTF-8 text$/],
  ["an envelope that is none", "bytes", STRUCTURED, "[]", /^a structured CloudEvent must be a JSON object$/],
];
for (const [what, mode, headers, payload, message] of refused) {
  Deno.test(`decode with mode ${mode} refuses ${what}`, () => {
    const result = decode(delivery({ headers, payload }), undefined, mode);
    assert.ok(result.kind === "invalid");
    assert.match(result.error.message, message);
  });
}

Deno.test("decode copies bytes, so that a handler that writes into them does not change what is stored again", () => {
  for (const [mode, type] of [["bytes", "text/plain"], [undefined, "image/png"]] as const) {
    const one = delivery({ headers: { "content-type": type }, payload: bytes(1, 2, 3) });
    const data = decode(one, undefined, mode).event.data as Uint8Array;
    data.fill(0);
    assert.deepEqual(one.payload, bytes(1, 2, 3));
    assert.equal(data.buffer.byteLength, 3);
  }
});
