import { z } from "zod";
import type { EventDefinition } from "../api/define_event.ts";
import { dataSchemaOf } from "../core/schema_version.ts";
import { isWithoutData } from "../project/data_problem.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Dialect of JSON Schema: OpenAPI 3.1 takes 2020-12, AsyncAPI 3.0 takes draft 7. */
export type Dialect = "draft-2020-12" | "draft-7";

/** Says of a part of a schema what JSON Schema cannot state. */
const UNSTATED = {
  check: "the event's own check refuses more than this states",
  coerced: "other values are converted, and may be accepted too",
  caught: "any other value is replaced by the default",
} as const;

const schemas = new WeakMap<EventDefinition, Map<Dialect, JsonSchema>>();

/**
 * Returns the JSON Schema of an event's data as a publisher sends it. `$id` is the `dataschema` of its events, and a
 * `$comment` marks each part of which zod accepts more, or less, than JSON Schema can state. It never throws.
 */
export function jsonSchemaOf(event: EventDefinition, dialect: Dialect = "draft-2020-12"): JsonSchema {
  return schemas.getOrInsertComputed(event, () => new Map())
    .getOrInsertComputed(dialect, () => generate(event, dialect));
}

function generate({ type, version, data }: EventDefinition, target: Dialect): JsonSchema {
  const schema = data as z.ZodType, $id = dataSchemaOf(type, version);
  if (isWithoutData(schema)) return { $id, title: type, description: "The event has no data.", not: {} };
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    target,
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const unstated = unstatedOf(zodSchema);
      if (unstated.length > 0) jsonSchema.$comment = unstated.join("; ");
    },
  }) as JsonSchema;
  return { $schema, $id, title: type, ...rest };
}

function unstatedOf(schema: z.core.$ZodType): string[] {
  const def: z.core.$ZodTypeDef & { coerce?: boolean; in?: z.core.$ZodType } = schema._zod.def;
  const isConverted = def.coerce || def.type === "pipe" && def.in?._zod.def.type === "transform";
  return [
    ...(def.checks?.some((check) => check._zod.def.check === "custom") ? [UNSTATED.check] : []),
    ...(def.type === "custom" ? [UNSTATED.check] : []),
    ...(isConverted ? [UNSTATED.coerced] : []),
    ...(def.type === "catch" ? [UNSTATED.caught] : []),
  ];
}

/**
 * Returns a schema as a part of a larger document: without `$schema` and `$id`, which would make references relative to
 * the part, and with each reference leading to its place in the document.
 *
 * @param at Reference to the part, such as `#/components/schemas/Order`.
 */
export function embedded({ $schema: _, $id: __, ...schema }: JsonSchema, at: string): JsonSchema {
  return withReferences(schema, (reference) => at + reference.slice(1)) as JsonSchema;
}

function withReferences(node: unknown, move: (reference: string) => string, key = ""): unknown {
  if (Array.isArray(node)) return key === "enum" ? node : node.map((item) => withReferences(item, move));
  if (typeof node !== "object" || node === null || DATA.has(key)) return node;
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => {
      const isReference = name === "$ref" && typeof value === "string" && value.startsWith("#");
      return [name, isReference ? move(value) : withReferences(value, move, NAMED.has(key) ? "" : name)];
    }),
  );
}

/** Keywords whose values are data, not schemas, and those whose members are named by the author. */
const DATA = new Set(["const", "default", "examples"]), NAMED = new Set(["properties", "$defs", "definitions"]);
