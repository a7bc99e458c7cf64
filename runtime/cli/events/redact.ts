import { type EventDefinition, parserOf } from "../../api/define_event.ts";

/** Text that replaces a redacted value. */
const REDACTED = "[redacted]";
/** Samples searched for a value that differs from the redacted one. */
const SAMPLES = 20;

/** Keys and indexes that lead to a value in JSON data. */
type JsonPath = readonly string[];

/** JSON data without the redacted values. */
interface Redacted {
  readonly data: unknown;
  /** The given paths that match nothing. */
  readonly missing: readonly string[];
  /** Paths that got a valid sample value, since the schema refuses the text for redacted values there. */
  readonly replaced: readonly string[];
  /** Paths whose new value the schema refuses. */
  readonly refused: readonly string[];
}

/**
 * Replaces the values at paths of JSON data: `customer.email`, `items.0.name`, or `items.*.name` for each item.
 *
 * @param event The schema of this event should accept the result, so that a test can replay it. If the schema refuses
 * the original value too, no other value is looked for.
 */
export async function redact(original: unknown, paths: readonly string[], event?: EventDefinition): Promise<Redacted> {
  const found = paths.map((path) => ({ path, matching: matches(original, path.split(".")) }));
  const missing = found.filter(({ matching }) => matching.length === 0).map(({ path }) => path);
  const secrets = found.flatMap(({ matching }) => matching);
  let data = secrets.reduce((data, path) => putAt(data, path, REDACTED), original);
  const replaced: string[] = [], refused: string[] = [];
  if (!event) return { data, missing, replaced, refused };
  const invalid = secrets.filter((path) => refuses(event, data, path) && !refuses(event, original, path));
  const samples = invalid.length > 0 ? await samplesOf(event) : [];
  for (const path of invalid) {
    const secret = JSON.stringify(valueAt(original, path));
    const value = samples.map((sample) => valueAt(sample, path)).find((value) =>
      value !== undefined && JSON.stringify(value) !== secret && !refuses(event, putAt(data, path, value), path)
    );
    (value === undefined ? refused : replaced).push(path.join("."));
    if (value !== undefined) data = putAt(data, path, value);
  }
  return { data, missing, replaced, refused };
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

async function samplesOf(event: EventDefinition): Promise<unknown[]> {
  const { sample } = await import("../../testing/sample.ts"); // loaded here: it is large
  try {
    return Array.from({ length: SAMPLES }, (_, i) => sample(event, { seed: i + 1 }));
  } catch {
    return []; // the schema has no sample
  }
}

/** Returns whether the schema refuses data because of what is at a path, within it or around it. */
function refuses(event: EventDefinition, data: unknown, path: JsonPath): boolean {
  const result = parserOf(event)(data), at = path.join(".");
  return !result.ok &&
    result.issues.some(({ path: issue }) =>
      issue === "" || issue === at || issue.startsWith(`${at}.`) || at.startsWith(`${issue}.`)
    );
}
