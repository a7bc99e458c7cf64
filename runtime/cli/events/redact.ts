import { type EventDefinition, parserOf } from "../../api/define_event.ts";

/** Text that replaces a redacted value. */
const REDACTED = "[redacted]";
/** Samples searched for a value that differs from the redacted one. */
const SAMPLES = 20;

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
function putAt(data: unknown, [name, ...rest]: JsonPath, value: unknown): unknown {
  if (name === undefined) return value;
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return data;
  const changed = Object.entries(data).map(([key, inner]) => [key, key === name ? putAt(inner, rest, value) : inner]);
  return Array.isArray(data) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
}

/** Returns the value at a path. For an index beyond the end of a list, its last item counts. */
function valueAt(data: unknown, path: JsonPath): unknown {
  return path.reduce((value, name) => {
    if (Array.isArray(value)) return value[Math.min(Number(name), value.length - 1)];
    return typeof value === "object" && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, unknown>)[name]
      : undefined;
  }, data);
}

/**
 * Replaces redacted values that the event's schema refuses by values of samples, so that a test can replay the event.
 *
 * @param original Data before it was redacted. Problems that it had already stay.
 * @param redacted Paths of the redacted values.
 * @returns A copy of the data, the paths that now have a sample's value, and those whose value is still refused.
 */
export async function keepValid(
  event: EventDefinition,
  original: unknown,
  data: unknown,
  redacted: readonly JsonPath[],
): Promise<{ data: unknown; replaced: readonly JsonPath[]; refused: readonly JsonPath[] }> {
  const problemsBefore = new Set(issuePaths(event, original));
  const refusedIn = (data: unknown) => {
    const problems = issuePaths(event, data).filter((path) => !problemsBefore.has(path));
    return redacted.filter((path) => problems.some((problem) => overlap(problem, path.join("."))));
  };
  const refused = refusedIn(data);
  if (refused.length === 0) return { data, replaced: [], refused: [] };
  const { sample } = await import("../../testing/sample.ts"); // loaded here: it is large
  let valid = data;
  try {
    const samples = Array.from({ length: SAMPLES }, (_, i) => sample(event, { seed: i + 1 }));
    for (const path of refused) {
      const values = samples.map((sample) => valueAt(sample, path)).filter((value) => value !== undefined);
      const secret = JSON.stringify(valueAt(original, path));
      const value = values.find((value) => JSON.stringify(value) !== secret);
      if (value !== undefined) valid = putAt(valid, path, value);
    }
  } catch {
    return { data, replaced: [], refused }; // the schema has no sample
  }
  const left = refusedIn(valid);
  return { data: valid, replaced: refused.filter((path) => !left.includes(path)), refused: left };
}

function issuePaths(event: EventDefinition, data: unknown): string[] {
  const result = parserOf(event)(data);
  return result.ok ? [] : result.issues.map(({ path }) => path);
}

/** Returns true when the paths are equal or one lies within the other. */
function overlap(a: string, b: string): boolean {
  return a === "" || a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}
