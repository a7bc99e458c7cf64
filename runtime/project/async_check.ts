import type { z } from "zod";

/** The parts of a zod schema, or of one of its checks, that its definition has. */
interface Part {
  readonly _zod?: { readonly def: Readonly<Record<string, unknown>>; readonly check?: (payload: object) => unknown };
}

/**
 * Returns whether a schema has a check or a transform that is asynchronous. Data is parsed synchronously, so each parse
 * would throw. A function that is not `async` but returns a promise is recognized only in a check.
 */
export function hasAsyncCheck(schema: z.ZodType): boolean {
  return isAsync(schema as unknown as Part, new Set());
}

function isAsync(part: Part, seen: Set<Part>): boolean {
  if (seen.has(part)) return false;
  seen.add(part);
  const { def, check } = part._zod!;
  if (def.type === "promise") return true;
  if (def.check === "custom" && returnsPromise(check)) return true;
  return Object.entries(def).some(([name, value]) => {
    if (name === "getter") return isAsync((value as () => Part)(), seen);
    if (isAsyncFunction(value)) return true;
    return partsIn(value).some((inner) => isAsync(inner, seen));
  });
}

/** Returns the parts in a field of a definition: one, a list of them, or those of an object's shape. */
function partsIn(value: unknown): Part[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value)].filter((one): one is Part => Boolean((one as Part | null)?._zod));
}

function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object AsyncFunction]";
}

/** Runs a check without a value: `superRefine` hides the author's function, and only its result tells that it is async. */
function returnsPromise(check: ((payload: object) => unknown) | undefined): boolean {
  if (isAsyncFunction(check)) return true;
  try {
    const result = check?.({ value: undefined, issues: [] });
    if (!(result instanceof Promise)) return false;
    result.catch(() => {});
    return true;
  } catch {
    return false; // it needs a value, and threw before it returned anything
  }
}
