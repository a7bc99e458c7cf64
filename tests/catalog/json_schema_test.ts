import assert from "node:assert/strict";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { defineEvent } from "weir";
import { sample } from "weir/testing";
import { z } from "zod";
import { dataSchemaOf } from "../../runtime/core/schema_version.ts";
import { embedded, jsonSchemaOf } from "../../runtime/catalog/json_schema.ts";
import { EVENTS } from "./events.ts";

/** Returns the JSON Schema of data, without the members that every schema has. */
function schemaOf(data: z.ZodType): Record<string, unknown> {
  const { $schema: _, $id: __, title: ___, ...rest } = jsonSchemaOf(defineEvent({ type: "a.b", version: 1, data }));
  return rest;
}

for (
  const [data, comment] of [
    [z.string().refine((text) => text !== ""), /own check refuses more/],
    [z.string().superRefine(() => {}).min(2), /own check refuses more/],
    [z.custom(() => true), /own check refuses more/],
    [z.coerce.number(), /other values are converted/],
    [z.preprocess(String, z.string()), /other values are converted/],
    [z.string().catch("x"), /replaced by the default/],
    [z.string().trim().min(2), undefined],
    [z.string().transform(Number), undefined],
  ] as const
) {
  Deno.test(`jsonSchemaOf comments on what JSON Schema cannot state: ${data.type} ${comment ?? "without a comment"}`, () => {
    const { $comment } = schemaOf(data);
    if (comment) assert.match(String($comment), comment);
    else assert.equal($comment, undefined);
  });
}

Deno.test("jsonSchemaOf never throws, also for what cannot travel as JSON", () => {
  for (const data of [z.date(), z.bigint(), z.map(z.string(), z.int()), z.undefined(), z.void()]) {
    assert.equal(typeof schemaOf(data), "object");
  }
});

Deno.test("jsonSchemaOf describes what a publisher sends, and names the schema as ce-dataschema does", () => {
  const schema = jsonSchemaOf(EVENTS.Checked);
  assert.equal(schema.$id, dataSchemaOf("shop.checked", 1));
  assert.deepEqual(schema.required, ["even", "count"]); // `mode` has a default
  assert.deepEqual(jsonSchemaOf(EVENTS.Empty).not, {});
});

Deno.test("embedded moves references, and leaves data and fields of such names alone", () => {
  const schema = {
    $id: "x",
    properties: { $ref: { const: "a" }, default: { $ref: "#/$defs/A" }, again: { $ref: "#" } },
    default: { $ref: "#/data" },
    $defs: { A: { enum: [{ $ref: "#" }] } },
  };
  assert.deepEqual(embedded(schema, "#/components/schemas/B"), {
    properties: {
      $ref: { const: "a" },
      default: { $ref: "#/components/schemas/B/$defs/A" },
      again: { $ref: "#/components/schemas/B" },
    },
    default: { $ref: "#/data" },
    $defs: { A: { enum: [{ $ref: "#" }] } },
  });
});

/** Data that an event refuses. Both a check of its own and an event without data are more than these schemas state. */
const WRONG: Readonly<Record<string, unknown>> = {
  Plain: { id: 1, note: null },
  Recursive: { text: "a", replies: [{ text: 1 }] },
  Shared: { total: { amount: 1, currency: "GBP" }, parts: [] },
  Union: { by: "ship", plate: 7 },
  Tuple: { at: [1], tags: {} },
  Checked: { even: "2", count: 1 },
  Optional: { n: "1" },
  Internal: {},
};

for (const [dialect, validator] of [["draft-2020-12", Ajv2020], ["draft-7", Ajv]] as const) {
  Deno.test(`jsonSchemaOf in ${dialect} takes and refuses what the event's schema does`, () => {
    for (const [name, wrong] of Object.entries(WRONG)) {
      const event = EVENTS[name], ajv = new validator({ strict: false, validateFormats: false });
      const isValid = ajv.compile(jsonSchemaOf(event, dialect));
      for (const seed of [1, 2, 3]) {
        const data = sample(event, { seed });
        assert.ok(isValid(data), JSON.stringify({ name, data, errors: isValid.errors }));
      }
      assert.ok(!isValid(wrong), name);
    }
  });
}
