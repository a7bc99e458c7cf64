/** Text that replaces a redacted value. */
const REDACTED = "[redacted]";

/** Keys and indexes that lead to a value in JSON data. */
export type JsonPath = readonly string[];

/**
 * Replaces the values at paths of JSON data: `customer.email`, `items.0.name`, or `items.*.name` for each item.
 *
 * @returns A copy of the data, the paths of the replaced values, and the given paths that match nothing.
 */
export function redactPaths(
  data: unknown,
  paths: readonly string[],
): { data: unknown; redacted: JsonPath[]; missing: string[] } {
  let result = data;
  const redacted: JsonPath[] = [], missing: string[] = [];
  for (const path of paths) {
    const found = matches(data, path.split("."));
    if (found.length === 0) missing.push(path);
    for (const match of found) result = putAt(result, match, REDACTED);
    redacted.push(...found);
  }
  return { data: result, redacted, missing };
}

/** Returns the path of each value that a path with `*` matches. */
function matches(data: unknown, [name, ...rest]: readonly string[]): JsonPath[] {
  if (name === undefined) return [[]];
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data).filter(([key]) => name === "*" || name === key)
    .flatMap(([key, value]) => matches(value, rest).map((path) => [key, ...path]));
}

/** Returns a copy of the data with another value at a path, or the data itself if nothing is there. */
export function putAt(data: unknown, [name, ...rest]: JsonPath, value: unknown): unknown {
  if (name === undefined) return value;
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return data;
  const changed = Object.entries(data).map(([key, inner]) => [key, key === name ? putAt(inner, rest, value) : inner]);
  return Array.isArray(data) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
}

/** Returns the value at a path. For an index beyond the end of a list, its last item counts. */
export function valueAt(data: unknown, path: JsonPath): unknown {
  return path.reduce((value, name) => {
    if (Array.isArray(value)) return value[Math.min(Number(name), value.length - 1)];
    return typeof value === "object" && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, unknown>)[name]
      : undefined;
  }, data);
}
