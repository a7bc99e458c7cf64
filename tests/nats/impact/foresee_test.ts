import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import type { FunctionOptions } from "../../../runtime/api/define_function.ts";
import type { Delivery } from "../../../runtime/core/delivery.ts";
import { HeaderList } from "../../../runtime/core/headers.ts";
import { foresee } from "../../../runtime/nats/impact/foresee.ts";
import { registryOf } from "../../../runtime/testing/test_registry.ts";

const NOW = Date.parse("2026-01-02T00:00:00Z");
const Asked = defineEvent({ type: "demo.asked", version: 2, data: z.object({ n: z.int() }) });

function fn(options: Omit<FunctionOptions, "on"> = {}) {
  return registryOf({ fn: defineFunction({ on: Asked, ...options }, () => {}) }).functions[0];
}

function delivery(data: unknown, more: Partial<Delivery> = {}, headers: Record<string, string> = {}): Delivery {
  return {
    stream: "DEMO",
    sequence: 1,
    subject: "demo.asked",
    deliveryCount: 1,
    storedAtMs: NOW - 60_000,
    payload: new TextEncoder().encode(JSON.stringify(data)),
    headers: new HeaderList(Object.entries(headers)),
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
    messageKey: "DEMO.1.1",
    ackSubject: new Uint8Array(),
    ...more,
  };
}

const used = (attempts: number, deaths = 0) => ({
  history: { attempts, excusedDeliveries: 0, redrives: 0, ...(deaths > 0 && { isUnended: true, deaths }) },
});
const BLOCKS: Omit<FunctionOptions, "on"> = { retry: { attempts: 2 }, order: { by: () => "a" } };
const newer = { "ce-dataschema": "urn:weir:schema:demo.asked:3" };
const rows: [what: string, options: Omit<FunctionOptions, "on">, delivery: Delivery, reason: string | undefined][] = [
  ["an event that is handled", {}, delivery({ n: 1 }), undefined],
  ["data that the schema refuses", {}, delivery({ n: "1" }), "invalid"],
  ["bytes that are not JSON", {}, delivery({}, { payload: new Uint8Array([123]) }), "invalid"],
  ["refused data of a later version", {}, delivery({ n: "1" }, {}, newer), "newer-version"],
  ["data of a later version that the schema takes", {}, delivery({ n: 1 }, {}, newer), undefined],
  ["an event of a removed trigger", {}, delivery({ n: 1 }, { subject: "demo.told" }), "unknown-subject"],
  ["the last attempt", { retry: { attempts: 3 } }, delivery({ n: 1 }, used(2)), undefined],
  ["more attempts than are left", { retry: { attempts: 2 } }, delivery({ n: 1 }, used(2)), "attempts-exhausted"],
  ["more attempts than are left, of an event that blocks its key", BLOCKS, delivery({ n: 1 }, used(2)), undefined],
  ["as many deaths in a row, of an event that blocks its key", BLOCKS, delivery({ n: 1 }, used(2, 2)), "crashed"],
  ["a death in the last attempt", { retry: { attempts: 2 } }, delivery({ n: 1 }, used(2, 1)), "crashed"],
  ["an event older than maxAge", { maxAge: "59s" }, delivery({ n: 1 }), "expired"],
  ["an event as old as maxAge", { maxAge: "60s" }, delivery({ n: 1 }), undefined],
  ["the end of a long chain", { maxHops: 2 }, delivery({ n: 1 }, {}, { "weir-hops": "3" }), "looped"],
];
for (const [what, options, event, reason] of rows) {
  Deno.test(`foresee says ${reason} of ${what}`, () => assert.equal(foresee(fn(options), event, NOW)?.reason, reason));
}

Deno.test("foresee decodes as the function does: data that are not JSON are no fault of an event that is read as text", () => {
  const on = { pattern: "demo.asked", stream: "DEMO" },
    event = delivery({}, { payload: new TextEncoder().encode("{") });
  const reasonOf = (options: Omit<FunctionOptions, "on">) => {
    return foresee(registryOf({ fn: defineFunction({ on, ...options }, () => {}) }).functions[0], event, NOW)?.reason;
  };
  assert.deepEqual([reasonOf({ decode: "text" }), reasonOf({})], [undefined, "invalid"]);
});
