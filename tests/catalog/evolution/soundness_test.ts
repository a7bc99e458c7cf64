import assert from "node:assert/strict";
import fc from "fast-check";
import { defineEvent } from "weir";
import { sample } from "weir/testing";
import { z } from "zod";
import { jsonSchemaOf } from "../../../runtime/catalog/json_schema.ts";
import { schemaChanges } from "../../../runtime/catalog/evolution/schema_changes.ts";

/** The same part of a schema, before and after. */
type Pair = readonly [before: z.ZodType, after: z.ZodType];

const small = fc.integer({ min: 0, max: 4 });
const lengths = fc.tuple(small, small).map(([a, b]) => z.string().min(Math.min(a, b)).max(Math.max(a, b)));
const leaf: fc.Arbitrary<z.ZodType> = fc.oneof(
  fc.constantFrom<z.ZodType>(z.string(), z.boolean(), z.int(), z.number(), z.null(), z.url()),
  lengths,
  fc.tuple(small, small).map(([a, b]) => z.int().min(Math.min(a, b)).max(Math.max(a, b))),
  small.map((n) => z.number().gt(n)),
  fc.subarray(["a", "b", "c"], { minLength: 1 }).map((values) => z.enum(values)),
);
const flags = fc.tuple(fc.boolean(), fc.boolean());
const same = <Value>(value: Value) => [value, value] as const;

/** Parts that are mostly alike, so that many differ in one direction only. */
const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof({ weight: 3, arbitrary: leaf.map(same) }, { weight: 1, arbitrary: fc.tuple(leaf, leaf) }),
    tie("pair").map(([a, b]): Pair => [z.array(a), z.array(b)]),
    tie("pair").map(([a, b]): Pair => [z.record(z.string(), a), z.record(z.string(), b)]),
    fc.tuple(tie("pair"), flags).map(([[a, b], [x, y]]): Pair => [x ? a.nullable() : a, y ? b.nullable() : b]),
    fc.tuple(tie("pair"), tie("pair"), flags).map(([[a, b], [c, d], [x, y]]): Pair => [
      x ? z.union([a, c]) : a,
      y ? z.union([b, d]) : b,
    ]),
    fc.tuple(fc.array(fc.record({ part: tie("pair"), has: flags, optional: flags }), { maxLength: 4 }), flags).map(
      ([fields, strict]): Pair => {
        const build = (side: 0 | 1) => {
          const present = fields.map((field, at) => ({ ...field, name: "abcd"[at] })).filter(({ has }) => has[side]);
          const shape = Object.fromEntries(
            present.map(({ name, part, optional }) => [name, optional[side] ? part[side].optional() : part[side]]),
          );
          return strict[side] ? z.strictObject(shape) : z.object(shape);
        };
        return [build(0), build(1)];
      },
    ),
  ) as fc.Arbitrary<Pair>,
}));

/** Returns data that a schema accepts, of several seeds. */
function samplesOf(data: z.ZodType): unknown[] {
  const event = defineEvent({ type: "a.b", version: 1, data });
  return [1, 2, 3].flatMap((seed) => {
    try {
      return [sample(event, { seed })];
    } catch {
      return []; // no data is valid
    }
  });
}

Deno.test("schemaChanges reports what narrows whenever the later schema refuses data of the earlier, and what widens the other way", () => {
  fc.assert(
    fc.property(pair, ([before, after]) => {
      const [from, to] = [before, after].map((data) => jsonSchemaOf(defineEvent({ type: "a.b", version: 1, data })));
      const changes = schemaChanges(from, to);
      if (!changes.some(({ narrows }) => narrows)) {
        for (const data of samplesOf(before)) {
          assert.ok(after.safeParse(data).success, JSON.stringify({ data, from, to }));
        }
      }
      if (!changes.some(({ widens }) => widens)) {
        for (const data of samplesOf(after)) {
          assert.ok(before.safeParse(data).success, JSON.stringify({ data, from, to }));
        }
      }
      assert.deepEqual(schemaChanges(from, from), []);
    }),
    { numRuns: 400, seed: Number(Deno.env.get("WEIR_EVOLUTION_SEED") ?? 1) },
  );
});
