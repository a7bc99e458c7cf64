import { errorDetail } from "./error_detail.ts";

/** A part of a value that JSON cannot hold, and the keys that lead to it, the innermost first. */
interface Loss {
  readonly what: string;
  readonly keys: string[];
}

/**
 * Returns the JSON text of a value. A property that is `undefined` is left out.
 *
 * @param where What the value is for, to begin the message.
 * @param name The value as a whole, for the message.
 * @throws {TypeError} naming what JSON would drop or change without a word, such as a `Map` or `NaN`, and its path.
 */
export function jsonText(value: unknown, where: string, name: string): string {
  let text: string | undefined, loss: Loss | undefined, cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error; // of a circle, a bigint, or the author's `toJSON`
  }
  try {
    loss = lossIn(value, text === undefined ? [] : undefined);
  } catch (error) {
    cause ??= error;
  }
  if (loss) {
    const path = loss.keys.length === 0 ? name : loss.keys.toReversed().join(".");
    throw new TypeError(`${where}: ${path} is ${loss.what}, which JSON cannot hold`);
  }
  if (cause === undefined && text !== undefined) return text;
  throw new TypeError(`${where}: ${name} is no JSON: ${errorDetail(cause).message}`, { cause });
}

/** @param parents Objects around the value, to find a circle. Default: there is none. */
function lossIn(value: unknown, parents?: readonly unknown[]): Loss | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : lost(String(value));
    case "object":
      return value === null ? undefined : lossInObject(value, parents);
    case "bigint": // an author may have taught it JSON
      return "toJSON" in BigInt.prototype ? undefined : lost("a bigint");
    case "undefined":
      return lost("undefined");
    default:
      return lost(`a ${typeof value}`);
  }
}

function lossInObject(value: object, parents: readonly unknown[] | undefined): Loss | undefined {
  if (value instanceof Number) return lossIn(Number(value));
  if (parents?.includes(value)) return lost("a circular reference");
  const around = parents && [...parents, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const loss = value[i] === undefined ? lost("undefined in a list") : lossIn(value[i], around);
      if (loss) return at(String(i), loss);
    }
    return undefined;
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    if (value instanceof Date && Number.isNaN(value.getTime())) return lost("an invalid Date");
    return lossIn(value.toJSON(""), around);
  }
  const names = Object.keys(value);
  if (isOpaque(value, names)) return lost(`a ${value.constructor?.name || "value without fields"}`);
  for (const name of names) {
    const inner = (value as Record<string, unknown>)[name];
    const loss = inner === undefined ? undefined : lossIn(inner, around);
    if (loss) return at(name, loss);
  }
  return undefined;
}

/**
 * Returns whether an object keeps its content outside of its fields, as a `Map` does. An instance of an author's class
 * that has fields counts as a plain object.
 */
function isOpaque(value: object, names: readonly string[]): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null) return false;
  if (value instanceof String || value instanceof Boolean) return false;
  if (value instanceof Map || value instanceof Set || value instanceof Error || ArrayBuffer.isView(value)) return true;
  return names.length === 0;
}

function lost(what: string): Loss {
  return { what, keys: [] };
}

function at(key: string, loss: Loss): Loss {
  loss.keys.push(key);
  return loss;
}
