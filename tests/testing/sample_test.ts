import assert from "node:assert/strict";
import fc from "fast-check";
import { defineEvent } from "weir";
import { sample } from "weir/testing";
import { z } from "zod";
import { OrderCreated } from "../support/project/schemas/orders.ts";
import { SHAPES } from "./shapes.ts";

const eventOf = <Schema extends z.ZodType>(data: Schema) => defineEvent({ type: "demo.made", version: 1, data });
const accepts = (schema: z.ZodType, data: unknown) => schema.safeParse(JSON.parse(JSON.stringify(data))).success;

for (const [what, schema] of Object.entries(SHAPES)) {
  Deno.test(`sample makes ${what}: valid as JSON, and equal for equal seeds`, () => {
    const event = eventOf(schema), twin = eventOf(schema);
    for (let seed = 0; seed < 60; seed++) {
      const data = sample(event, { seed });
      assert.ok(accepts(schema, data), `seed ${seed}: ${JSON.stringify(data)}`);
      assert.deepEqual(sample(twin, { seed }), data);
    }
  });
}

const word = fc.constantFrom("name", "total", "items", "kind", "a-b", "2fa");
const { schema: ANY_SHAPE } = fc.letrec<{ schema: z.ZodType; leaf: z.ZodType }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(...Object.values(SHAPES)),
    fc.tuple(fc.integer({ min: -500, max: 500 }), fc.nat(300)).map(([min, more]) => z.int().min(min).max(min + more)),
    fc.tuple(fc.nat(30), fc.nat(10)).map(([min, more]) => z.string().min(min).max(min + more)),
    fc.constantFrom(0.01, 0.5, 3, 7, 1000).map((step) => z.number().multipleOf(step).nonnegative()),
  ),
  schema: fc.oneof(
    { maxDepth: 3 },
    tie("leaf"),
    fc.dictionary(word, tie("schema"), { maxKeys: 4 }).map((fields) => z.object(fields)),
    fc.tuple(tie("schema"), fc.nat(3)).map(([item, min]) => z.array(item).min(min)),
    tie("schema").map((inner) => z.object({ inner: inner.optional() })),
    fc.tuple(tie("schema"), tie("schema")).map((both) => z.union(both)),
    fc.tuple(tie("schema"), tie("schema")).map((both) => z.tuple(both)),
    tie("schema").map((value) => z.record(z.string(), value)),
    tie("schema").map((inner) => inner.nullable()),
  ),
}));

Deno.test("sample makes valid data for nested schemas and any seed", () => {
  fc.assert(
    fc.property(ANY_SHAPE, fc.nat(1_000_000), (schema, seed) => {
      const data = sample(eventOf(schema), { seed });
      assert.ok(accepts(schema, data), JSON.stringify(data));
    }),
    { numRuns: 300 },
  );
});

Deno.test("sample makes valid data for many fields, each with a check that the JSON Schema does not state", () => {
  const times = (n: number) => z.int().refine((value) => value % n === 0);
  const schema = z.array(z.object({ a: times(3), b: times(4), c: times(5), d: z.array(times(2)).min(2) })).min(6);
  for (let seed = 0; seed < 40; seed++) assert.ok(accepts(schema, sample(eventOf(schema), { seed })), `seed ${seed}`);
});

Deno.test("sample names strings after their fields, and makes small whole numbers", () => {
  const { orderId, items, total } = sample(OrderCreated);
  assert.match(orderId, /^orderId-[a-z0-9]{6}$/);
  assert.match(items[0].sku, /^sku-[a-z0-9]{6}$/);
  for (const number of [total, items[0].quantity]) assert.ok(number >= 1 && number <= 100, String(number));
});

Deno.test("sample makes other data for another seed", () => {
  const ids = new Set(Array.from({ length: 500 }, (_, seed) => sample(OrderCreated, { seed }).orderId));
  assert.equal(ids.size, 500);
});

Deno.test("sample uses the examples of a schema, of a field, and of a transformed part", () => {
  assert.equal(sample(eventOf(z.string().meta({ examples: ["like this"] }))), "like this");
  const size = z.string().transform(Number).refine((n) => n === 4711).meta({ examples: ["4711"] });
  assert.deepEqual(sample(eventOf(z.object({ size }))), { size: "4711" });
  const whole = z.object({ a: z.int(), b: z.int() }).refine(({ a, b }) => a * b === 391)
    .meta({ examples: [{ a: 17, b: 23 }] });
  assert.deepEqual(sample(eventOf(whole)), { a: 17, b: 23 });
});

Deno.test("sample keeps the overrides, and fits the other fields to them", () => {
  const { total, items } = sample(OrderCreated, { override: { total: 4711 } });
  assert.equal(total, 4711);
  assert.equal(items.length > 0, true);
  const period = z.object({ from: z.int(), to: z.int() }).refine(({ from, to }) => from < to);
  assert.ok(sample(eventOf(period), { override: { from: 90 } }).to > 90);
  const kind = z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("card"), number: z.string() }),
    z.strictObject({ kind: z.literal("cash") }),
  ]);
  for (let seed = 0; seed < 20; seed++) {
    assert.deepEqual(sample(eventOf(kind), { seed, override: { kind: "cash" } }), { kind: "cash" });
  }
});

Deno.test("sample fails with the event, the field and the fix if it finds no valid data", () => {
  const odd = z.object({ code: z.string().refine((code) => code === "open sesame", "not the word") });
  assert.throws(() => sample(eventOf(odd)), {
    message: 'no valid sample of "demo.made" was found: code: not the word. ' +
      "Give that part of the schema `.meta({ examples: […] })`, or pass sample() an `override`",
  });
  assert.deepEqual(sample(eventOf(odd), { override: { code: "open sesame" } }), { code: "open sesame" });
  assert.throws(() => sample(OrderCreated, { override: { total: -1 } }), /"orders\.created".*: total: Too small/);
});

Deno.test("sample refuses a seed that is not a whole number", () => {
  assert.throws(() => sample(OrderCreated, { seed: 0.5 }), /the seed of a sample must be a whole number, not 0\.5/);
});

Deno.test("sample refuses data that JSON cannot carry, for the reason that a start gives", () => {
  assert.throws(() => sample(eventOf(z.object({ at: z.date() }))), {
    message:
      'no sample of "demo.made": its data cannot travel as JSON: at: Date cannot be represented in JSON Schema ' +
      "(use z.iso.datetime() for a time)",
  });
});
