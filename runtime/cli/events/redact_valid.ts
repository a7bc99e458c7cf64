import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { type JsonPath, putAt, valueAt } from "./redact.ts";

/** Samples searched for a value that differs from the redacted one. */
const SAMPLES = 20;

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
