import { isDeepStrictEqual } from "node:util";
import type { JsonSchema } from "../json_schema.ts";
import { arrayChanges } from "./array_changes.ts";
import { objectChanges } from "./object_changes.ts";
import { type Comparison, isAny, type SchemaChange } from "./schema_change.ts";
import { unionChanges } from "./union_changes.ts";
import { bothNumbers, enumChanges, limitChanges, typeChange } from "./value_changes.ts";

/** Keywords that describe data and refuse none. */
const ANNOTATIONS = ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "id"];
const IDENTITY = ["$schema", "$id", "$defs", "contentEncoding", "contentMediaType"];
const IGNORED: ReadonlySet<string> = new Set([...ANNOTATIONS, ...IDENTITY]);

/**
 * Compares two versions of a JSON Schema (2020-12) as zod writes them. A changed keyword that it cannot judge counts as
 * one that narrows and widens what the schema takes.
 */
export function schemaChanges(before: JsonSchema, after: JsonSchema): SchemaChange[] {
  return new SchemaComparison(before, after).compare(before, after, "");
}

class SchemaComparison implements Comparison {
  /** Pairs of references whose comparison has begun: a recursive schema ends there. */
  readonly #begun = new Set<string>();

  constructor(readonly rootBefore: JsonSchema, readonly rootAfter: JsonSchema) {}

  compare(before: JsonSchema, after: JsonSchema, path: string): SchemaChange[] {
    if (before.$ref !== undefined || after.$ref !== undefined) {
      const pair = `${before.$ref} ${after.$ref} ${before.$ref && after.$ref ? "" : path}`;
      if (this.#begun.has(pair)) return [];
      this.#begun.add(pair);
      try {
        return this.compare(resolve(before, this.rootBefore), resolve(after, this.rootAfter), path);
      } finally {
        this.#begun.delete(pair);
      }
    }
    const [from, to] = [before, after].map(essence);
    if (isDeepStrictEqual(from, to) && !hasReference(from)) return [];
    return [...this.#differences(from, to, path)];
  }

  *#differences(from: JsonSchema, to: JsonSchema, path: string): Iterable<SchemaChange> {
    if (isAny(from) && isAny(to)) return;
    if (isAny(from)) return yield { path, what: "took any value, and is checked now", narrows: true, widens: false };
    if (isAny(to)) return yield { path, what: "takes any value now", narrows: false, widens: true };
    if (from.$comment !== to.$comment) yield checkChange(from.$comment, to.$comment, path);
    const unions = unionChanges(this, from, to, path);
    if (unions) return yield* unions;
    const type = typeChange(from, to, path);
    if (type) yield type;
    if (type && !bothNumbers(from, to)) return;
    yield* enumChanges(from, to, path);
    yield* limitChanges(from, to, path);
    yield* objectChanges(this, from, to, path);
    yield* arrayChanges(this, from, to, path);
    yield* this.#partChanges(from, to, path);
    if (!isDeepStrictEqual(from.not, to.not)) {
      yield { path, what: "what it must not be has changed", narrows: true, widens: true };
    }
  }

  /** Compares the parts of an intersection, by their position. Patterns among them are limits. */
  *#partChanges(from: JsonSchema, to: JsonSchema, path: string): Iterable<SchemaChange> {
    const [olds, news] = [from, to].map(({ allOf }) =>
      (allOf as readonly JsonSchema[] | undefined ?? []).filter((part) => Object.keys(part).join() !== "pattern")
    );
    for (let at = 0; at < Math.max(olds.length, news.length); at++) {
      yield* this.compare(olds[at] ?? {}, news[at] ?? {}, path);
    }
  }
}

function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (typeof schema.$ref !== "string") return schema;
  const steps = schema.$ref.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce((node: JsonSchema, step) => node[step] as JsonSchema ?? {}, root);
}

/** Returns a schema without what refuses no data. A `const` is an `enum` of one value. */
function essence(schema: JsonSchema): JsonSchema {
  const entries = Object.entries(schema).filter(([keyword]) => !IGNORED.has(keyword));
  return Object.fromEntries(
    entries.map(([keyword, value]) => keyword === "const" ? ["enum", [value]] : [keyword, value]),
  );
}

function hasReference(schema: JsonSchema): boolean {
  return JSON.stringify(schema).includes('"$ref"');
}

/** A change of the checks that JSON Schema cannot state. Whether they refuse more is not known. */
function checkChange(before: unknown, after: unknown, path: string): SchemaChange {
  const what = before === undefined
    ? `is checked further: ${after}`
    : after === undefined
    ? "is not checked further"
    : "has another check";
  return { path, what, narrows: after !== undefined, widens: before !== undefined };
}
