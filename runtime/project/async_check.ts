import type { z } from "zod";

/** The parts of a zod schema, or of one of its checks, that its definition has. */
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
  const payload = { value: undefined, issues: [] };
  if (def.check === "custom" && returnsPromise(() => check?.(payload))) return true;
  if (typeof transform === "function" && returnsPromise(() => transform(undefined, payload))) return true;
  const inner = typeof getter === "function" ? [getter()] : fields.flatMap(partsIn);
  return inner.some((one) => isAsync(one, seen));
}

/** Returns the parts in a field of a definition: one, a list of them, or those of an object's shape. */
function partsIn(value: unknown): Part[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value)].filter((one): one is Part => Boolean((one as Part | null)?._zod));
}

function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object AsyncFunction]";
}

/**
 * Runs an author's function without a value: any function may return a promise, and `superRefine` hides whether it is
 * async.
 */
function returnsPromise(run: () => unknown): boolean {
  try {
    const result = run();
    if (!(result instanceof Promise)) return false;
    result.catch(() => {});
    return true;
  } catch {
    return false; // it needs a value, and threw before it returned anything
  }
}
