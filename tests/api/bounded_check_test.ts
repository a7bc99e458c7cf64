import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { type AnySchema, defineEvent, parserOf } from "../../runtime/api/define_event.ts";
import { takesAtMost } from "../support/cpu_time.ts";

const parse = (data: AnySchema) => parserOf(defineEvent({ type: "orders.created", version: 1, data }));
const many = <Value>(count: number, value: Value) => Array.from({ length: count }, () => value);
const record = (count: number, value: unknown) => Object.fromEntries(many(count, value).map((v, i) => [`key${i}`, v]));

const Item = z.object({ sku: z.string(), quantity: z.int() });
const Wide = z.object(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field${i}`, z.string()])));
// deno-lint-ignore no-explicit-any -- a recursive type
const Tree: any = z.object({
  value: z.number(),
  // deno-lint-ignore no-explicit-any
  get kids(): any {
    return z.array(Tree);
  },
});
const Chain: z.ZodType = z.lazy(() => z.union([z.object({ next: Chain }), z.object({ next: Chain, b: z.string() })]));

/** Nests a value `depth` times. */
function nested(depth: number, wrap: (inner: unknown) => unknown, inner: unknown): unknown {
  for (let i = 0; i < depth; i++) inner = wrap(inner);
  return inner;
}

for (
  const [what, schema, data] of [
    ["a list", z.object({ items: z.array(Item) }), { items: many(300_000, {}) }],
    ["a list of wide objects", z.array(Wide), many(300_000, {})],
    ["a list in a list", z.array(z.array(Item)), many(1_000, many(300, {}))],
    ["a record", z.record(z.string(), Item), record(100_000, {})],
    ["the rest of a tuple", z.tuple([z.string()]).rest(Item), ["a", ...many(100_000, {})]],
    ["unknown members", z.object({}).catchall(z.number()), record(100_000, {})],
    ["a refinement of each item", z.array(z.string().refine(() => false)), many(300_000, "x")],
    ["both sides of an intersection", z.intersection(z.array(Item), z.array(Wide)), many(100_000, {})],
    ["a tree", Tree, { value: 1, kids: many(300_000, {}) }],
    ["a union", z.array(z.union([z.number(), z.boolean()])), many(300_000, "x")],
  ] as [string, AnySchema, unknown][]
) {
  Deno.test(`parserOf lists 50 issues in ${what}, and says that there are more`, () => {
    const parsed = takesAtMost(5_000, () => parse(schema)(data));
    assert.ok(!parsed.ok && parsed.issues.length === 50);
    assert.ok(parsed.omitted! >= 950, `${parsed.omitted} more`);
  });
}

for (
  const [what, schema, data] of [
    ["a key", z.record(z.string(), Item), { ["k".repeat(1_000_000)]: {} }],
    ["the names of unknown keys", z.strictObject({}), record(100_000, 1)],
    [
      "the author's message",
      z.string().refine(() => false, { error: ({ input }) => `${input}` }),
      "x".repeat(1_000_000),
    ],
  ] as [string, AnySchema, unknown][]
) {
  Deno.test(`parserOf shortens an issue that is as long as ${what}`, () => {
    const parsed = parse(schema)(data);
    assert.ok(!parsed.ok && JSON.stringify(parsed.issues).length < 2_000);
  });
}

for (
  const [what, schema, data] of [
    ["a tree that is deeper than the stack", Tree, nested(100_000, (kid) => ({ value: 1, kids: [kid] }), 1)],
    ["a recursive union with two ways at each of 60 levels", Chain, nested(60, (next) => ({ next }), 1)],
  ] as [string, AnySchema, unknown][]
) {
  Deno.test(`parserOf refuses ${what} at once`, () => {
    const parsed = takesAtMost(5_000, () => parse(schema)(data));
    assert.ok(!parsed.ok && parsed.issues.length === 1);
  });
}

for (
  const [what, schema, data] of [
    [
      "the second of a union",
      z.union([z.array(z.object({ a: z.string() })), z.array(Item)]),
      many(5_000, {
        sku: "a",
        quantity: 1,
      }),
    ],
    ["a list that is replaced", z.object({ list: z.array(Item).catch([]), more: z.array(Item) }), {
      list: many(5_000, {}),
      more: [{ sku: "a", quantity: 1 }],
    }],
    ["a large tree", Tree, { value: 1, kids: many(50_000, { value: 2, kids: [] }) }],
  ] as [string, AnySchema, unknown][]
) {
  Deno.test(`parserOf accepts ${what}, whatever was refused on the way`, () => {
    assert.equal(parse(schema)(data).ok, true);
  });
}

Deno.test("parserOf refuses exactly what zod refuses, with the same first issues", () => {
  const build = () => {
    const leaf = z.union([z.int(), z.array(z.string()), z.object({ a: z.number() })]);
    return z.object({ list: z.array(leaf), map: z.record(z.string(), z.array(z.number())).optional() });
  };
  const plain = build(), bounded = parse(build());
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.array(fc.string()), fc.record({ a: fc.anything() }));
  const data = fc.record({ list: fc.array(leaf, { maxLength: 60 }), map: fc.option(fc.object()) });
  fc.assert(fc.property(data, (data) => {
    const expected = plain.safeParse(data), actual = bounded(data);
    assert.equal(actual.ok, expected.success);
    if (actual.ok) return;
    const paths = expected.error!.issues.map(({ path }) => path.map(String).join("."));
    assert.deepEqual(actual.issues.map(({ path }) => path), paths.slice(0, 50));
  }));
});
