import type { JsonSchema } from "./json_schema.ts";

/** A line of the table of an event's fields. */
export interface Field {
  /** Path, such as `items[].sku`. */
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** Description, bounds and comment. */
  readonly notes: string;
}

/** Levels of fields that are listed: a schema may be recursive. */
const MAX_DEPTH = 6;
/** Characters of a pattern that people read. */
const READABLE = 60;

/** Returns the fields of an event's data, in the order of the schema. */
export function fieldsOf(schema: JsonSchema): Field[] {
  return [...walk(schema, schema, "", MAX_DEPTH)];
}

function* walk(given: JsonSchema, root: JsonSchema, path: string, depth: number): Iterable<Field> {
  const schema = resolved(given, root);
  if (depth === 0) return;
  const properties = Object.entries(schema.properties as Record<string, JsonSchema> | undefined ?? {});
  const required = schema.required as readonly string[] | undefined ?? [];
  for (const [name, node] of properties) {
    const part = resolved(node, root), own = path === "" ? name : `${path}.${name}`;
    yield { path: own, type: typeName(part, root), isRequired: required.includes(name), notes: notesOf(part) };
    yield* walk(part, root, own, depth - 1);
  }
  if (isSchema(schema.items)) yield* walk(schema.items, root, `${path}[]`, depth - 1);
  if (isSchema(schema.additionalProperties)) yield* walk(schema.additionalProperties, root, `${path}.*`, depth - 1);
  for (const part of alternatives(schema)) yield* walk(part, root, path, depth - 1);
}

function isSchema(node: unknown): node is JsonSchema {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

function alternatives({ anyOf, oneOf, allOf }: JsonSchema): readonly JsonSchema[] {
  return [anyOf, oneOf, allOf].flatMap((list) => list as readonly JsonSchema[] | undefined ?? []);
}

/** Follows a reference within the schema. */
function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (typeof schema.$ref !== "string") return schema;
  const steps = schema.$ref.split("/").slice(1);
  return steps.reduce((node: JsonSchema, step) => node[decodeURIComponent(step)] as JsonSchema ?? {}, root);
}

function typeName(schema: JsonSchema, root: JsonSchema): string {
  if ("const" in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const one = alternatives(schema);
  if (one.length > 0 && schema.type === undefined) {
    return [...new Set(one.map((part) => typeName(resolved(part, root), root)))].join(" | ");
  }
  if (schema.type === "array" && isSchema(schema.items)) {
    const item = typeName(resolved(schema.items, root), root);
    return item.includes(" ") ? `(${item})[]` : `${item}[]`;
  }
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : String(schema.type ?? "any");
  return schema.format === undefined ? type : `${type} (${schema.format})`;
}

/** Keywords that are shown with their values. Bounds at which every whole number ends are left out. */
const SHOWN = {
  minimum: "≥",
  maximum: "≤",
  exclusiveMinimum: ">",
  exclusiveMaximum: "<",
  multipleOf: "multiple of",
  minLength: "length ≥",
  maxLength: "length ≤",
  minItems: "items ≥",
  maxItems: "items ≤",
  pattern: "pattern",
  default: "default",
} as const;

function notesOf(schema: JsonSchema): string {
  const notes = Object.entries(SHOWN).flatMap(([keyword, label]) => {
    const value = schema[keyword];
    if (value === undefined || Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER) return [];
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return keyword === "pattern" && text.length > READABLE ? [] : [`${label} ${text}`];
  });
  const { description, $comment } = schema;
  return [description, notes.join(", "), $comment].filter((text) => text !== undefined && text !== "").join("; ");
}
