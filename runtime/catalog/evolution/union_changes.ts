import type { JsonSchema } from "../json_schema.ts";
import { type Comparison, isAny, type SchemaChange, shown } from "./schema_change.ts";

/** Returns the changes between schemas of which at least one has alternatives; undefined if none has. */
export function unionChanges(
  comparison: Comparison,
  from: JsonSchema,
  to: JsonSchema,
  path: string,
): SchemaChange[] | undefined {
  const olds = alternativesOf(from), news = alternativesOf(to);
  if (olds.length === 1 && news.length === 1) return undefined;
  const changes: SchemaChange[] = [], unpaired = [...news];
  const left: JsonSchema[] = [];
  const takes = (pick: (other: JsonSchema) => boolean) => {
    const at = unpaired.findIndex(pick);
    return at < 0 ? undefined : unpaired.splice(at, 1)[0];
  };
  const compare = (before: JsonSchema, after: JsonSchema) => comparison.compare(before, after, path);
  const changed = olds.filter((old) => !takes((other) => compare(old, other).length === 0));
  for (const old of changed) {
    const partner = takes((other) => kindOf(other) === kindOf(old));
    if (partner) changes.push(...compare(old, partner));
    else left.push(old);
  }
  for (const old of left) {
    if (news.some((one) => compare(old, one).every(({ narrows }) => !narrows))) continue;
    changes.push({ path, what: `may no longer be ${nameOf(old)}`, narrows: true, widens: false });
  }
  for (const added of unpaired) {
    if (olds.some((one) => compare(one, added).every(({ widens }) => !widens))) continue;
    changes.push({ path, what: `may be ${nameOf(added)} too`, narrows: false, widens: true });
  }
  return changes;
}

/** Returns the alternatives of a schema: itself if it has none. */
function alternativesOf(schema: JsonSchema): readonly JsonSchema[] {
  const { anyOf, oneOf, type, ...rest } = schema;
  const listed = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined;
  if (listed && isAny(rest)) return listed.flatMap(alternativesOf);
  if (Array.isArray(type)) return type.map((one) => ({ ...ofType(rest, one), type: one }));
  return [schema];
}

/** Leaves out of a schema with several types what concerns another type than this one. */
function ofType(schema: JsonSchema, type: string): JsonSchema {
  if (type !== "null") return schema;
  const values = (schema.enum as readonly unknown[] | undefined)?.filter((value) => value === null);
  return values ? { enum: values } : {};
}

/** Returns what tells the alternatives of a union apart: their type, and the fields that have one value. */
function kindOf({ type, properties = {}, enum: values }: JsonSchema): string {
  const fixed = Object.entries(properties as Record<string, JsonSchema>).flatMap(
    ([name, { const: value, enum: all }]) => {
      const only = value ?? (Array.isArray(all) && all.length === 1 ? all[0] : undefined);
      return only === undefined ? [] : [[name, only]];
    },
  );
  return JSON.stringify([type ?? (values ? "enum" : undefined), fixed]);
}

function nameOf(schema: JsonSchema): string {
  const { type, enum: values, const: value } = schema;
  if (value !== undefined || Array.isArray(values)) return shown(value ?? values);
  const fixed = JSON.parse(kindOf(schema))[1] as [string, unknown][];
  const which = fixed.map(([name, only]) => `${name} ${shown(only)}`).join(", ");
  return `${type === "object" ? "an object" : type ?? "another form"}${which && ` with ${which}`}`;
}
