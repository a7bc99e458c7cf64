import { inspect } from "node:util";

/** Returns any value as text: an error as its name and message. Never throws. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    if (value instanceof Error) return value.message ? `${value.name}: ${value.message}` : String(value.name);
  } catch {
    // A getter or a trap threw: `inspect` reads neither.
  }
  try {
    return inspect(value, { breakLength: Infinity, maxStringLength: 1_000, maxArrayLength: 20 });
  } catch {
    return "a value that cannot be read";
  }
}

/**
 * Turns the fields that a caller gives to a log line into an object. An error, or a value without properties, becomes
 * one field.
 */
export function fieldsOf(given: unknown): Readonly<Record<string, unknown>> {
  if (given === undefined || given === null) return {};
  if (isThrown(given)) return { error: given };
  const isOne = typeof given !== "object" || Array.isArray(given) || "toJSON" in given || isOpaque(given);
  return isOne ? { value: given } : { ...given };
}

/** Returns whether JSON hides what an object holds, as of a `Map`, or writes it byte by byte. */
export function isOpaque(value: object): boolean {
  if (ArrayBuffer.isView(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype !== null && prototype !== Object.prototype && !Array.isArray(value) && !("toJSON" in value) &&
    Object.keys(value).length === 0;
}

/** Returns whether a value says what it is as an error, and not by its enumerable properties. */
export function isThrown(value: unknown): boolean {
  return value instanceof Error || value instanceof Response || value instanceof Event;
}
