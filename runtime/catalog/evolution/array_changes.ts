import type { JsonSchema } from "../json_schema.ts";
import { below, type Comparison, type SchemaChange } from "./schema_change.ts";

/** Yields the changes of the items of a list. Bounds of their number are limits. */
export function* arrayChanges(
  comparison: Comparison,
  from: JsonSchema,
  to: JsonSchema,
  path: string,
): Iterable<SchemaChange> {
  if (from.type !== "array") return;
  const [olds, news] = [from, to].map(({ prefixItems }) => prefixItems as readonly JsonSchema[] | undefined ?? []);
  for (let at = 0; at < Math.max(olds.length, news.length); at++) {
    const before = olds[at] ?? itemsOf(from), after = news[at] ?? itemsOf(to);
    yield* itemChanges(comparison, before, after, below(path, `[${at}]`));
  }
  yield* itemChanges(comparison, itemsOf(from), itemsOf(to), below(path, "[]"));
}

/** Returns the schema of the items after the first ones; undefined if there may be none. */
function itemsOf({ items = {} }: JsonSchema): JsonSchema | undefined {
  return items === false ? undefined : items === true ? {} : items as JsonSchema;
}

function* itemChanges(
  comparison: Comparison,
  before: JsonSchema | undefined,
  after: JsonSchema | undefined,
  path: string,
): Iterable<SchemaChange> {
  if (before && after) yield* comparison.compare(before, after, path);
  else if (before) yield { path, what: "may not be there any more", narrows: true, widens: false };
  else if (after) yield { path, what: "may be there now", narrows: false, widens: true };
}
