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
  if (!by) return ALL;
  const key: unknown = by(event);
  if (typeof key === "string" && key !== "") return sha256Hex(key, 32);
  throw new TypeError(`${option} returned ${describeValue(key)}: it must return text that is not empty`);
}
