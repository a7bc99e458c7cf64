import type { UnhandledEventFilter } from "../../core/dead_letter.ts";
import { didYouMean } from "../../core/did_you_mean.ts";
import { parseDuration } from "../../core/duration.ts";
import { functionNameProblem } from "../../core/function_name.ts";
import { subjectProblem } from "../../core/subjects.ts";
import { unknownFunction } from "../../project/unknown_name.ts";
import { malformed, Problem } from "../problem.ts";

/**
 * Number of entries that a list returns without `limit`, and the greatest `limit`. An error has up to 16 kB, and a
 * response is built in memory.
 */
export const DEFAULT_LIMIT = 100, MAX_LIMIT = 1_000;

/** Functions that a filter may name. */
export interface KnownFunctions {
  /** Names of the project's functions. */
  readonly names: readonly string[];
  /** Returns whether a function that the project does not have ran on this cluster. */
  ran(name: string): Promise<boolean>;
}

/**
 * Returns the query parameters of a request. An unknown parameter is refused, since a misspelt filter would redrive
 * everything. A repeated parameter is refused, since it is unclear which value counts.
 *
 * @throws {Problem} 400, with the names that are known.
 */
export function queryOf<Name extends string>(
  request: Request,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const parameters = new URL(request.url).searchParams, names = [...parameters.keys()];
  const unknown = names.filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw malformed(`unknown parameter ${unknown.join(", ")}; known are: ${known.join(", ")}`);
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw malformed(`${twice} is given more than once`);
  return Object.fromEntries(parameters) as Partial<Record<Name, string>>;
}

/** Parses the parameters that select unhandled events. @throws {Problem} 400 for a value that can select none. */
export function selectionOf(
  { function: fn, type, limit }: { readonly function?: string; readonly type?: string; readonly limit?: string },
): UnhandledEventFilter {
  const problem = fn === undefined ? undefined : functionNameProblem(fn);
  if (problem) throw malformed(`function: ${problem}`);
  const typeProblem = type === undefined ? undefined : subjectProblem(type);
  if (typeProblem) throw malformed(`type: ${JSON.stringify(type)} is not a subject pattern: ${typeProblem}`);
  return {
    ...(fn !== undefined && { function: fn }),
    ...(type !== undefined && { type }),
    ...(limit !== undefined && { limit: numberOf("limit", limit) }),
  };
}

/** Returns the limit of a list. @throws {Problem} 400 above {@linkcode MAX_LIMIT}. */
export function listLimit({ limit = DEFAULT_LIMIT }: UnhandledEventFilter): number {
  if (limit > MAX_LIMIT) throw malformed(`limit is ${MAX_LIMIT} at most; the commands list all`);
  return limit;
}

/** Checks that the function of a selection exists, when the selection matched nothing. @throws {Problem} 404. */
export async function checkFunction({ function: fn }: UnhandledEventFilter, known: KnownFunctions): Promise<void> {
  if (fn === undefined || known.names.includes(fn) || await known.ran(fn)) return;
  throw new Problem("not-found", unknownFunction(fn, known.names));
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

/**
 * Parses a parameter that takes one of some values.
 *
 * @throws {Problem} 400 for any other text, with the value that was probably meant.
 */
export function choiceOf(name: string, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  throw malformed(`${name} is one of ${choices.join(", ")}${didYouMean(text, choices)}`);
}
