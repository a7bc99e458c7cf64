import type { DeadLetter, DeadLetterGroup, DeadLetterGroups } from "../../core/dead_letter.ts";
import { errorPattern } from "../../core/error_pattern.ts";
import { sha256Hex } from "../../core/sha256.ts";

/** Groups that are kept in memory. Errors of more patterns than this are no longer told apart. */
const MAX_GROUPS = 1_000;
/** Form of a group's id. */
const ID = /^[0-9a-f]{10}$/;

type Cause = Pick<DeadLetter, "function" | "type" | "reason" | "error">;

/** Returns the id of the group of a dead letter: the same on every machine, for as long as the errors look the same. */
export function groupId({ function: fn, type, reason, error }: Cause): string {
  const named = [fn, type, reason, errorPattern(error)];
  return sha256Hex(JSON.stringify(named), 10);
}

/** Returns whether a dead letter belongs to a group, or has an error with a text. @param text The text, or the id. */
export function hasError(letter: Cause, text: string): boolean {
  return letter.error.includes(text) || ID.test(text) && groupId(letter) === text;
}

/** Groups dead letters by function, type, reason and error pattern, the largest group first. */
export async function groupLetters(letters: AsyncIterable<DeadLetter>): Promise<DeadLetterGroups> {
  const groups = new Map<string, { -readonly [Key in keyof DeadLetterGroup]: DeadLetterGroup[Key] }>();
  let ungrouped = 0;
  for await (const letter of letters) {
    const { function: fn, type, reason, time, sequence } = letter, error = errorPattern(letter.error);
    const key = JSON.stringify([fn, type, reason, error]), known = groups.get(key);
    if (known) {
      known.count++;
      if (time > known.last) known.last = time;
      if (time < known.first) known.first = time;
    } else if (groups.size < MAX_GROUPS) {
      const id = groupId(letter);
      groups.set(key, { id, function: fn, type, reason, error, count: 1, first: time, last: time, sample: sequence });
    } else ungrouped++;
  }
  return { groups: [...groups.values()].sort((a, b) => b.count - a.count), ungrouped };
}
