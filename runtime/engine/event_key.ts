import type { WeirEvent } from "../core/event.ts";
import { sha256Hex } from "../core/sha256.ts";
import { describeValue } from "../project/option_schemas.ts";

/** Key of all events, for an option without `by`. */
export const ALL = "all";

/**
 * Returns the key of an event by an option's `by`, as a token of a subject.
 *
 * @param option Name of the option and its function, for errors, such as `rate.by` of `ship`.
 * @throws Any error of `by`, and a {@linkcode TypeError} if it returned no text.
 */
export function eventKey(by: ((event: WeirEvent) => string) | undefined, event: WeirEvent, option: string): string {
  return by ? digest(keyText(by, event, option)) : ALL;
}

/** Longest key that is kept as it is, in characters. */
const MAX_TEXT = 64;

/** Returns the key of an event as a short text that is kept in memory only. Parameters and errors as {@linkcode eventKey}. */
export function shortKey(by: (event: WeirEvent) => string, event: WeirEvent, option: string): string {
  const key = keyText(by, event, option);
  return key.length <= MAX_TEXT ? key : `digest ${digest(key)}`;
}

function keyText(by: (event: WeirEvent) => string, event: WeirEvent, option: string): string {
  const key: unknown = by(event);
  if (typeof key === "string" && key !== "") return key;
  throw new TypeError(`${option} returned ${describeValue(key)}: it must return text that is not empty`);
}

function digest(key: string): string {
  return sha256Hex(key, 32);
}
