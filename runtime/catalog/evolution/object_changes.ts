import type { JsonSchema } from "../json_schema.ts";
import { below, type Comparison, isAny, type SchemaChange, shown } from "./schema_change.ts";

/** The rules of an object. */
class Fields {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly #required: readonly string[];
  /** Schema of the fields that are not listed: `{}` takes any, and undefined none. */
  readonly rest: JsonSchema | undefined;

  constructor({ properties = {}, required = [], additionalProperties = {} }: JsonSchema) {
    this.properties = properties as Record<string, JsonSchema>;
    this.#required = required as readonly string[];
    this.rest = additionalProperties === false
      ? undefined
      : additionalProperties === true
      ? {}
      : additionalProperties as JsonSchema;
  }

  requires(name: string): boolean {
    return this.#required.includes(name);
  }

  /** Names that are required and not listed, as a record of an enum has them. */
  get bareNames(): readonly string[] {
    return this.#required.filter((name) => !Object.hasOwn(this.properties, name));
  }
}

/** Yields the changes of the fields of an object. */
export function* objectChanges(
  comparison: Comparison,
  from: JsonSchema,
  to: JsonSchema,
  path: string,
): Iterable<SchemaChange> {
  if (from.type !== "object") return;
  const before = new Fields(from), after = new Fields(to);
  const names = new Set([...Object.keys(before.properties), ...Object.keys(after.properties)]);
  for (const name of names) yield* fieldChanges(comparison, before, after, name, below(path, name));
  for (const name of new Set([...before.bareNames, ...after.bareNames])) {
    if (!names.has(name)) yield* requiredChange(before.requires(name), after.requires(name), below(path, name));
  }
  yield* restChanges(comparison, before.rest, after.rest, path);
  yield* comparison.compare(namesOf(from), namesOf(to), below(path, "(names)"));
}

function* fieldChanges(
  comparison: Comparison,
  before: Fields,
  after: Fields,
  name: string,
  path: string,
): Iterable<SchemaChange> {
  const was = before.properties[name], is = after.properties[name];
  if (was && is) {
    yield* comparison.compare(was, is, path);
    return yield* requiredChange(before.requires(name), after.requires(name), path);
  }
  if (is) yield* addedField(comparison, before, after, name, path);
  else yield* removedField(comparison, before, after, name, path);
}

/** A field that publishers did not know. Consumers ignore it, unless they refuse unknown fields. */
function* addedField(
  comparison: Comparison,
  before: Fields,
  after: Fields,
  name: string,
  path: string,
): Iterable<SchemaChange> {
  const isRequired = after.requires(name), widens = before.rest === undefined;
  const what = `is a new ${isRequired ? "required" : "optional"} field${widens ? ", and was refused" : ""}`;
  if (before.rest && !isAny(before.rest)) {
    yield* comparison.compare(before.rest, after.properties[name], path);
    return yield* requiredChange(before.requires(name), isRequired, path);
  }
  yield { path, what, narrows: isRequired, widens };
}

/** A field that publishers leave out from now on. Consumers may rely on it if it was required. */
function* removedField(
  comparison: Comparison,
  before: Fields,
  after: Fields,
  name: string,
  path: string,
): Iterable<SchemaChange> {
  const widens = before.requires(name) && !after.requires(name), narrows = after.rest === undefined;
  if (after.rest && !isAny(after.rest)) {
    yield* comparison.compare(before.properties[name], after.rest, path);
    return yield* requiredChange(before.requires(name), after.requires(name), path);
  }
  const what = `is no field any more${widens ? ", and was required" : ""}${
    narrows ? "; data that has it is refused" : ""
  }`;
  yield { path, what, narrows, widens };
}

function* requiredChange(before: boolean, after: boolean, path: string): Iterable<SchemaChange> {
  if (before === after) return;
  yield { path, what: after ? "is required now" : "is optional now", narrows: after, widens: before };
}

function* restChanges(
  comparison: Comparison,
  before: JsonSchema | undefined,
  after: JsonSchema | undefined,
  path: string,
): Iterable<SchemaChange> {
  if (before && after) return yield* comparison.compare(before, after, below(path, "*"));
  if (before) yield { path, what: "refuses unknown fields now", narrows: true, widens: false };
  if (after) yield { path, what: "takes unknown fields now", narrows: false, widens: true };
}

/** Returns the schema of the names of a record. Any text is a name. */
function namesOf({ propertyNames }: JsonSchema): JsonSchema {
  const names = propertyNames as JsonSchema | undefined;
  return names === undefined || shown(names) === '{"type":"string"}' ? {} : names;
}
