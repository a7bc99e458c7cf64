/** What stands in the place of what was taken out. */
const REDACTED = "[redacted]";

/**
 * Replaces what is at some paths of JSON data: `customer.email`, `items.0.name`, or `items.*.name` for each.
 *
 * @returns the data anew, and the paths that are nowhere in it
 */
export function redactPaths(data: unknown, paths: readonly string[]): { data: unknown; missing: string[] } {
  let result = data;
  const missing: string[] = [];
  for (const path of paths) {
    const without = replaced(result, path.split("."));
    if (without === undefined) missing.push(path);
    else result = without.value;
  }
  return { data: result, missing };
}

/** Undefined when the path leads nowhere. */
function replaced(data: unknown, [name, ...rest]: readonly string[]): { value: unknown } | undefined {
  if (name === undefined) return { value: REDACTED };
  if (typeof data !== "object" || data === null) return undefined;
  const entries = Object.entries(data);
  let found = false;
  const changed = entries.map(([key, value]) => {
    const inner = name === "*" || name === key ? replaced(value, rest) : undefined;
    found ||= inner !== undefined;
    return [key, inner ? inner.value : value] as const;
  });
  if (!found) return undefined;
  return { value: Array.isArray(data) ? changed.map(([, value]) => value) : Object.fromEntries(changed) };
}
