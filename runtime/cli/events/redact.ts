/** What stands in the place of what was taken out. */
const REDACTED = "[redacted]";

/** Where something is in JSON data: the names that lead there. */
export type Place = readonly string[];

/**
 * Replaces what is at some paths of JSON data: `customer.email`, `items.0.name`, or `items.*.name` for each.
 *
 * @returns the data anew, where it was replaced, and the paths that are nowhere in it
 */
export function redactPaths(
  data: unknown,
  paths: readonly string[],
): { data: unknown; places: Place[]; missing: string[] } {
  let result = data;
  const places: Place[] = [], missing: string[] = [];
  for (const path of paths) {
    const found = placesOf(data, path.split("."));
    if (found.length === 0) missing.push(path);
    for (const place of found) result = putAt(result, place, REDACTED);
    places.push(...found);
  }
  return { data: result, places, missing };
}

/** None when the path leads nowhere. */
function placesOf(data: unknown, [name, ...rest]: readonly string[]): Place[] {
  if (name === undefined) return [[]];
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data).filter(([key]) => name === "*" || name === key)
    .flatMap(([key, value]) => placesOf(value, rest).map((place) => [key, ...place]));
}

/** The data anew, with another value there. Where nothing is any more, it stays as it is. */
export function putAt(data: unknown, [name, ...rest]: Place, value: unknown): unknown {
  if (name === undefined) return value;
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return data;
  const changed = Object.entries(data).map(([key, inner]) => [key, key === name ? putAt(inner, rest, value) : inner]);
  return Array.isArray(data) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
}

/** What is there; in a list that is shorter, what is at its end. */
export function valueAt(data: unknown, place: Place): unknown {
  return place.reduce((value, name) => {
    if (Array.isArray(value)) return value[Math.min(Number(name), value.length - 1)];
    return typeof value === "object" && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, unknown>)[name]
      : undefined;
  }, data);
}
