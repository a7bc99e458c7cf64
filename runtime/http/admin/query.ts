import { parseDuration } from "../../core/duration.ts";
import { malformed } from "../problem.ts";

/** Entries that a list returns without `limit`. */
export const DEFAULT_LIMIT = 100;

/**
 * Returns the query parameters of a request. An unknown one is refused: a misspelt filter would redrive everything.
 *
 * @throws {Problem} 400, with the names that are known.
 */
export function queryOf<Name extends string>(
  request: Request,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const given = Object.fromEntries(new URL(request.url).searchParams);
  const unknown = Object.keys(given).filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw malformed(`unknown parameter ${unknown.join(", ")}; known are: ${known.join(", ")}`);
  }
  return given as Partial<Record<Name, string>>;
}

/** Parses a duration. @throws {Problem} 400 when it is none. */
export function durationOf(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw malformed(`${name} is not a duration such as 30m or 7d`);
  return ms;
}

/** Parses a whole number from 1. @throws {Problem} 400 when it is none. */
export function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw malformed(`${name} is not a whole number from 1`);
  return Number(text);
}
