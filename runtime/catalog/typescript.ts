import type { JsonSchema } from "./json_schema.ts";

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const BY_TYPE: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
  array: "unknown[]",
  object: "Record<string, unknown>",
};

/**
 * Returns the TypeScript type of what a JSON Schema (2020-12) accepts. What TypeScript cannot state, such as a pattern
 * or a bound, is left out.
 *
 * @param referenceType Returns the type for a `$ref`.
 */
export function typeOf(schema: JsonSchema, referenceType: (reference: string) => string): string {
  const of = (node: unknown) => typeOf(node as JsonSchema, referenceType);
  const { $ref, not, anyOf, oneOf, allOf, type } = schema as { readonly [keyword: string]: unknown };
  if (typeof $ref === "string") return referenceType($ref);
  if (not !== undefined) return "never";
  if ("const" in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return union(schema.enum.map((value) => JSON.stringify(value)));
  const alternatives = anyOf ?? oneOf;
  if (Array.isArray(alternatives)) return union(alternatives.map(of));
  const parts = Array.isArray(allOf) ? allOf.map(of).filter((part) => part !== "unknown") : [];
  if (Array.isArray(type)) return union(type.map((one) => of({ ...schema, type: one })));
  const own = type === "object"
    ? objectType(schema, of)
    : type === "array"
    ? arrayType(schema, of)
    : BY_TYPE[`${type}`];
  const all = own === undefined ? parts : [own, ...parts];
  return all.length < 2 ? all[0] ?? "unknown" : all.map(grouped).join(" & ");
}

function objectType(schema: JsonSchema, of: (node: unknown) => string): string {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema as {
    properties?: Record<string, JsonSchema>;
    required?: readonly string[];
    additionalProperties?: boolean | JsonSchema;
    propertyNames?: JsonSchema;
  };
  const listed = propertyNames?.enum as readonly string[] | undefined;
  if (listed) {
    const record = `Record<${union(listed.map((name) => JSON.stringify(name)))}, ${of(additionalProperties)}>`;
    return required.length === 0 ? `Partial<${record}>` : record;
  }
  const fields = Object.entries(properties).map(([name, node]) => {
    const optional = required.includes(name) ? "" : "?";
    return `${docComment(node)}${IDENTIFIER.test(name) ? name : JSON.stringify(name)}${optional}: ${of(node)};`;
  });
  const isRecord = typeof additionalProperties === "object";
  const rest = isRecord ? `Record<string, ${fields.length > 0 ? "unknown" : of(additionalProperties)}>` : undefined;
  if (fields.length === 0) return rest ?? (additionalProperties === false ? "Record<string, never>" : BY_TYPE.object);
  const own = `{\n${indent(fields.join("\n"))}\n}`;
  return rest ? `${own} & ${rest}` : own;
}

function arrayType(schema: JsonSchema, of: (node: unknown) => string): string {
  const { prefixItems, items, minItems = 0 } = schema as {
    prefixItems?: readonly JsonSchema[];
    items?: JsonSchema | false;
    minItems?: number;
  };
  if (!prefixItems) return `${grouped(items === undefined ? "unknown" : of(items))}[]`;
  const elements = prefixItems.map((item, at) => at < minItems ? of(item) : `${grouped(of(item))}?`);
  const rest = items ? [`...${grouped(of(items))}[]`] : [];
  return `[${[...elements, ...rest].join(", ")}]`;
}

function union(types: readonly string[]): string {
  const all = [...new Set(types)];
  return all.includes("unknown") ? "unknown" : all.join(" | ");
}

/** Puts a union or an intersection into brackets. */
function grouped(type: string): string {
  let outermost = type.replace(/"(\\.|[^"\\])*"|\/\*.*?\*\//g, "");
  for (let before = ""; before !== outermost;) {
    before = outermost;
    outermost = outermost.replace(/[[({<][^[\](){}<>]*[\])}>]/g, "");
  }
  return /[|&]/.test(outermost) ? `(${type})` : type;
}

/** Returns the description of a schema as a comment on the line before its type. */
export function docComment({ description }: JsonSchema): string {
  if (typeof description !== "string") return "";
  return `/** ${description.replaceAll("*/", "*\\/").replace(/\s+/g, " ").trim()} */\n`;
}

export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
