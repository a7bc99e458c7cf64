import { type EventDefinition, parserOf } from "../../api/define_event.ts";
import { type Place, putAt, valueAt } from "./redact.ts";

/** How many samples are looked at for a value that is there, and is not the one to take out. */
const SAMPLES = 20;

/**
 * Puts values of samples where the event's schema refuses what stands there for what was taken out: what is recorded
 * is to be replayed.
 *
 * @param given the data before; what was wrong with it already stays so
 * @returns the data anew, where that was done, and where it could not be
 */
export async function keepValid(event: EventDefinition, given: unknown, redacted: unknown, places: readonly Place[]) {
  const before = new Set(issuePaths(event, given));
  const refusedIn = (data: unknown) => {
    const paths = issuePaths(event, data).filter((path) => !before.has(path));
    return places.filter((place) => paths.some((path) => touches(path, place.join("."))));
  };
  const refused = refusedIn(redacted);
  if (refused.length === 0) return { data: redacted, made: [], refused: [] };
  const { sample } = await import("../../testing/sample.ts"); // only here: it is large
  let data = redacted;
  try {
    const samples = Array.from({ length: SAMPLES }, (_, i) => sample(event, { seed: i + 1 }));
    for (const place of refused) {
      const values = samples.map((one) => valueAt(one, place)).filter((value) => value !== undefined);
      const secret = JSON.stringify(valueAt(given, place));
      const value = values.find((value) => JSON.stringify(value) !== secret);
      if (value !== undefined) data = putAt(data, place, value);
    }
  } catch {
    return { data: redacted, made: [], refused }; // no sample is found that fits
  }
  const left = refusedIn(data);
  return { data, made: refused.filter((place) => !left.includes(place)), refused: left };
}

function issuePaths(event: EventDefinition, data: unknown): string[] {
  const result = parserOf(event)(data);
  return result.ok ? [] : result.issues.map(({ path }) => path);
}

/** Whether one is the other, or within it. */
function touches(a: string, b: string): boolean {
  return a === "" || a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}
