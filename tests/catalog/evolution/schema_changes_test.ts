import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import { jsonSchemaOf } from "../../../runtime/catalog/json_schema.ts";
import { schemaChanges } from "../../../runtime/catalog/evolution/schema_changes.ts";

const schemaOf = (data: z.ZodType) => jsonSchemaOf(defineEvent({ type: "a.b", version: 1, data }));
const object = z.object, strict = z.strictObject, text = z.string(), int = z.int();

const Tree = object({
  name: text,
  get kids() {
    return z.array(Tree).optional();
  },
});
const LongerTree = object({
  name: text.min(3),
  get kids() {
    return z.array(LongerTree).optional();
  },
});
const Ship = object({ by: z.literal("ship"), port: text }), Road = object({ by: z.literal("road"), plate: text });
const Money = (min: number) => int.min(min).meta({ id: `Money${min}` });

/** Schemas before and after, and the changes: `-` narrows, `+` widens, `±` does both, `=` is safe. */
const CASES: readonly (readonly [before: z.ZodType, after: z.ZodType, ...changes: string[]])[] = [
  [object({ a: text }), object({ a: text.describe("new text") })],
  [object({ a: text }), object({ a: text, b: int.optional() }), "= b: is a new optional field"],
  [object({ a: text }), object({ a: text, b: int }), "- b: is a new required field"],
  [object({ a: text }), object({ a: text, b: int.default(1) }), "= b: is a new optional field"],
  [strict({ a: text }), strict({ a: text, b: int.optional() }), "+ b: is a new optional field, and was refused"],
  [object({ a: text, b: int }), object({ a: text }), "+ b: is no field any more, and was required"],
  [object({ a: text, b: int.optional() }), object({ a: text }), "= b: is no field any more"],
  [
    strict({ a: text, b: int.optional() }),
    strict({ a: text }),
    "- b: is no field any more; data that has it is refused",
  ],
  [object({ a: text }), object({ a: text.optional() }), "+ a: is optional now"],
  [object({ a: text.optional() }), object({ a: text }), "- a: is required now"],
  [object({ a: text }), strict({ a: text }), "- : refuses unknown fields now"],
  [strict({ a: text }), z.looseObject({ a: text }), "+ : takes unknown fields now"],
  [object({ a: int }), object({ a: z.number() }), "+ a: was integer, and is number now"],
  [object({ a: text }), object({ a: z.boolean() }), "± a: was string, and is boolean now"],
  [object({ a: text }), object({ a: text.nullable() }), "+ a: may be null too"],
  [object({ a: text.nullable() }), object({ a: text }), "- a: may no longer be null"],
  [z.enum(["a", "b"]), z.enum(["b", "c"]), '- : may no longer be "a"', '+ : may be "c" too'],
  [z.enum(["a"]), text, '+ : may be more than "a" now'],
  [text, z.enum(["a"]), '- : must be one of "a" now'],
  [z.literal("a"), z.literal(["a", "b"]), '+ : may be "b" too'],
  [text, text.min(3), "- : its least length was none, and is 3"],
  [text.max(9), text.max(5), "- : its greatest length was 9, and is 5"],
  [text.max(5), text.max(9), "+ : its greatest length was 5, and is 9"],
  [int.positive(), int.min(1)],
  [int.positive(), int.min(0), "+ : its least value was 1, and is 0"],
  [z.number().gt(0), z.number().gte(0), "+ : its least value *"],
  [z.number().lte(1), z.number().lt(1), "- : its greatest value *"],
  [z.number().multipleOf(2), z.number().multipleOf(4), "- : was a multiple of 2, and is one of 4"],
  [z.number().multipleOf(4), z.number().multipleOf(2), "+ : was a multiple of 4, and is one of 2"],
  [text, text.regex(/^a/), '- : needs the pattern "^a" now'],
  [text.regex(/^a/).regex(/b$/), text.regex(/^a/), '+ : needs the pattern "b$" no more'],
  [text, z.url(), '- : needs the format "uri" now'],
  [z.array(text), z.array(text).min(1), "- : its least number of items was none, and is 1"],
  [
    object({ a: z.array(object({ n: int })) }),
    object({ a: z.array(object({ n: int.max(5) })) }),
    "- a[].n: its greatest *",
  ],
  [z.tuple([text, int]), z.tuple([text, text]), "± [1]: was integer, and is string now"],
  [z.record(text, int), z.record(text, text), "± *: was integer, and is string now"],
  [
    z.record(z.enum(["a", "b"]), int),
    z.record(z.enum(["a"]), int),
    "+ b: is optional now",
    '- (names): may no longer be "b"',
  ],
  [z.any(), text, "- : took any value, and is checked now"],
  [text, z.any(), "+ : takes any value now"],
  [z.union([text, int]), text, "- : may no longer be integer"],
  [text, z.union([text, int]), "+ : may be integer too"],
  [z.union([text, int]), z.union([int, text])],
  [z.union([text, int]), z.union([text, z.number()]), "+ : may be number too"],
  [z.discriminatedUnion("by", [Ship, Road]), z.discriminatedUnion("by", [Road, Ship])],
  [
    z.discriminatedUnion("by", [Ship, Road]),
    z.discriminatedUnion("by", [Ship, object({ by: z.literal("road"), plate: text.min(2) })]),
    "- plate: its least length was none, and is 2",
  ],
  [Ship, z.discriminatedUnion("by", [Ship, Road]), '+ : may be an object with by "road" too'],
  [z.discriminatedUnion("by", [Ship, Road]), Ship, '- : may no longer be an object with by "road"'],
  [Tree, Tree],
  [
    Tree,
    LongerTree,
    "- name: its least length was none, and is 3",
    "- kids[].name: its least length was none, and is 3",
  ],
  [object({ a: Money(1) }), object({ a: int.min(1) })],
  [object({ a: Money(1) }), object({ a: Money(2) }), "- a: its least value was 1, and is 2"],
  [text, text.refine(() => true), "- : is checked further: the event's own check refuses more than this states"],
  [text.refine(() => true), text, "+ : is not checked further"],
  [z.undefined(), object({ a: text }), "± : was nothing, and is object now"],
  [
    z.intersection(object({ a: text }), z.union([Ship, Road])),
    z.intersection(object({ a: text }), z.union([Ship, Road])),
  ],
];

for (const [before, after, ...expected] of CASES) {
  const [from, to] = [before, after].map(schemaOf);
  const { $id: _, $schema: __, title: ___, ...shown } = to;
  Deno.test(`schemaChanges finds ${expected.join(" and ") || "no change"} in ${JSON.stringify(shown).slice(0, 90)}`, () => {
    const found = schemaChanges(from, to).map(({ path, what, narrows, widens }) => {
      const sign = narrows && widens ? "±" : narrows ? "-" : widens ? "+" : "=";
      return `${sign} ${path}: ${what}`;
    });
    const matches = (pattern: string, text: string) =>
      pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
    const isAsExpected = expected.length === found.length && expected.every((one, at) => matches(one, found[at]));
    assert.ok(isAsExpected, JSON.stringify({ expected, found }, null, 2));
  });
}
