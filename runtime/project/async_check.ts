import type { z } from "zod";

/** The part of a zod schema, or of one of its checks, that holds the definition. */
interface Part {
  readonly _zod?: { readonly def: Readonly<Record<string, unknown>>; readonly check?: (payload: object) => unknown };
}

/**
 * Returns whether a schema has a check or a transform that is asynchronous. Data is parsed synchronously, so each parse
 * would throw.
 */
export function hasAsyncCheck(schema: z.ZodType): boolean {
  return isAsync(schema as unknown as Part, new Set());
}

function isAsync(part: Part, seen: Set<Part>): boolean {
  if (seen.has(part)) return false;
  seen.add(part);
  const { def, check } = part._zod!, { getter, transform } = def;
  // Reading a default would compute it.
  const fields = Object.keys(def).flatMap((name) => name === "defaultValue" ? [] : [def[name]]);
  if (def.type === "promise" || [...fields, check].some(isAsyncFunction)) return true;
  if (def.check === "custom" && returnsPromise((value) => check?.({ value, issues: [] }))) return true;
  if (typeof transform === "function" && returnsPromise((value) => transform(value, { value, issues: [] }))) {
    return true;
  }
  const inner = [...fields.flatMap(partsIn), ...typeof getter === "function" ? [getter()] : []];
  return inner.some((one) => isAsync(one, seen));
}

/** Returns the parts in a field of a definition. It may be a part, a list of parts, or the shape of an object. */
function partsIn(value: unknown): Part[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value)].filter((one): one is Part => Boolean((one as Part | null)?._zod));
}

function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object AsyncFunction]";
}

/** Values of every kind in JSON. A check that throws on one kind may accept another. */
const SAMPLES = [undefined, "", "a", 0, 1, true, {}, []];

/**
 * Runs an author's function on sample values: any function may return a promise, and `superRefine` hides whether it is
 * async.
 */
function returnsPromise(run: (value: unknown) => unknown): boolean {
  return SAMPLES.some((value) => {
    try {
      const result = run(value);
      if (!(result instanceof Promise)) return false;
      result.catch(() => {});
      return true;
    } catch {
      return false; // it needs another value, and threw before it returned anything
    }
  });
}
