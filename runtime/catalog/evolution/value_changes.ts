import { isDeepStrictEqual } from "node:util";
import type { JsonSchema } from "../json_schema.ts";
import { type SchemaChange, shown } from "./schema_change.ts";

/** Returns a change of the type; undefined if the type is the same. */
export function typeChange(from: JsonSchema, to: JsonSchema, path: string): SchemaChange | undefined {
  if (from.type === to.type) return undefined;
  const what = `was ${typeName(from)}, and is ${typeName(to)} now`;
  if (bothNumbers(from, to)) return { path, what, narrows: to.type === "integer", widens: to.type === "number" };
  return { path, what, narrows: true, widens: true };
}

/** Returns whether two schemas are of numbers, so that their limits can be compared although their types differ. */
export function bothNumbers(from: JsonSchema, to: JsonSchema): boolean {
  return [from, to].every(({ type }) => type === "number" || type === "integer");
}

function typeName({ type, not }: JsonSchema): unknown {
  return type ?? (not ? "nothing" : "any type");
}

export function* enumChanges(from: JsonSchema, to: JsonSchema, path: string): Iterable<SchemaChange> {
  const [olds, news] = [from.enum, to.enum] as (readonly unknown[] | undefined)[];
  if (!olds && !news) return;
  if (!olds) return yield { path, what: `must be one of ${list(news!)} now`, narrows: true, widens: false };
  if (!news) return yield { path, what: `may be more than ${list(olds)} now`, narrows: false, widens: true };
  const without = (some: readonly unknown[], others: readonly unknown[]) =>
    some.filter((value) => !others.some((other) => isDeepStrictEqual(value, other)));
  const removed = without(olds, news), added = without(news, olds);
  if (removed.length > 0) yield { path, what: `may no longer be ${list(removed)}`, narrows: true, widens: false };
  if (added.length > 0) yield { path, what: `may be ${list(added)} too`, narrows: false, widens: true };
}

function list(values: readonly unknown[]): string {
  return values.map(shown).join(", ");
}

/** Bounds by the keywords that state them, and the noun of what they bound. */
const BOUNDS = [
  { least: "minimum", most: "maximum", noun: "value" },
  { least: "minLength", most: "maxLength", noun: "length" },
  { least: "minItems", most: "maxItems", noun: "number of items" },
  { least: "minProperties", most: "maxProperties", noun: "number of fields" },
] as const;

/** Yields the changes of bounds, patterns, formats and multiples. */
export function* limitChanges(from: JsonSchema, to: JsonSchema, path: string): Iterable<SchemaChange> {
  for (const { least, most, noun } of BOUNDS) {
    const lows = [from, to].map((schema) => bound(schema, least, "exclusiveMinimum", -Infinity));
    const highs = [from, to].map((schema) => -bound(schema, most, "exclusiveMaximum", Infinity));
    if (lows[0] !== lows[1]) yield boundChange(path, `least ${noun}`, lows[0], lows[1], 1);
    if (highs[0] !== highs[1]) yield boundChange(path, `greatest ${noun}`, highs[0], highs[1], -1);
  }
  yield* setChanges(patternsOf(from), patternsOf(to), path, "pattern");
  yield* setChanges(formatOf(from), formatOf(to), path, "format");
  yield* multipleChanges(from, to, path);
  if (Boolean(from.uniqueItems) !== Boolean(to.uniqueItems)) {
    yield { path, what: "has another rule for equal items", narrows: Boolean(to.uniqueItems), widens: !to.uniqueItems };
  }
}

/** Returns a bound so that a greater one narrows. An exclusive one is a little further inward. */
function bound(schema: JsonSchema, inclusive: string, exclusive: string, none: number): number {
  const sign = none < 0 ? 1 : -1, isNumber = inclusive === "minimum" || inclusive === "maximum";
  const given = schema[inclusive] as number | undefined ?? none;
  // Every schema of whole numbers has these bounds.
  const at = sign * (Math.abs(given) === Number.MAX_SAFE_INTEGER ? none : given);
  const beyond = isNumber ? schema[exclusive] as number | undefined : undefined;
  if (beyond === undefined) return at;
  const inward = schema.type === "integer" && Number.isInteger(beyond) ? sign * beyond + 1 : next(sign * beyond);
  return Math.max(at, inward);
}

/** Returns a number a little greater than another, to tell an exclusive bound from an inclusive one. */
function next(value: number): number {
  return value + Math.max(Math.abs(value), 1) * Number.EPSILON * 2;
}

function boundChange(path: string, name: string, before: number, after: number, sign: number): SchemaChange {
  const narrows = sign * after > sign * before;
  const text = (value: number) => Number.isFinite(value) ? String(Number(value.toPrecision(12))) : "none";
  return { path, what: `its ${name} was ${text(before)}, and is ${text(after)}`, narrows, widens: !narrows };
}

function patternsOf({ pattern, allOf }: JsonSchema): unknown[] {
  const parts = allOf as readonly JsonSchema[] | undefined ?? [];
  return [pattern, ...parts.filter((part) => Object.keys(part).join() === "pattern").map((part) => part.pattern)]
    .filter((one) => one !== undefined);
}

function formatOf({ format }: JsonSchema): unknown[] {
  return format === undefined ? [] : [format];
}

function* setChanges(olds: unknown[], news: unknown[], path: string, noun: string): Iterable<SchemaChange> {
  for (const gone of olds.filter((one) => !news.includes(one))) {
    yield { path, what: `needs the ${noun} ${shown(gone)} no more`, narrows: false, widens: true };
  }
  for (const added of news.filter((one) => !olds.includes(one))) {
    yield { path, what: `needs the ${noun} ${shown(added)} now`, narrows: true, widens: false };
  }
}

function* multipleChanges(from: JsonSchema, to: JsonSchema, path: string): Iterable<SchemaChange> {
  const [before, after] = [from.multipleOf, to.multipleOf] as (number | undefined)[];
  if (before === after) return;
  const divides = (part: number | undefined, whole: number | undefined) =>
    part === undefined || whole !== undefined && Number.isInteger(whole / part);
  const what = `was a multiple of ${before ?? "nothing"}, and is one of ${after ?? "nothing"}`;
  yield { path, what, narrows: !divides(after, before), widens: !divides(before, after) };
}
