import { parseDuration } from "../../core/duration.ts";
import { isWildcard, subjectProblem } from "../../core/subjects.ts";
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
  const all = [...new URL(request.url).searchParams], given = Object.fromEntries(all);
  const unknown = Object.keys(given).filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw malformed(`unknown parameter ${unknown.join(", ")}; known are: ${known.join(", ")}`);
  }
  if (all.length > Object.keys(given).length) throw malformed("each parameter may be given once");
  return given as Partial<Record<Name, string>>;
}

/** Filters by function and type, as far as a query has them. */
export interface EventQuery {
  readonly function?: string;
  readonly type?: string;
}

/** Returns the filters of a query, which become parts of a subject. @throws {Problem} 400 when they cannot. */
export function eventFilterOf({ function: fn, type }: EventQuery): EventQuery {
  if (fn !== undefined && (subjectProblem(fn) !== undefined || isWildcard(fn) || fn.includes("."))) {
    throw malformed("function is not the name of a function");
  }
  if (type !== undefined && subjectProblem(type) !== undefined) {
    throw malformed("type is not an event type or a subject pattern");
  }
  return { ...(fn !== undefined && { function: fn }), ...(type !== undefined && { type }) };
}

/** Returns one of these values. @throws {Problem} 400 when it is none of them. */
export function choiceOf<Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((choice) => choice === text);
  if (choice === undefined) throw malformed(`${name} is none of: ${choices.join(", ")}`);
  return choice;
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
