import { type Command, Option } from "commander";
import type { DeadLetterFilter } from "../../core/dead_letter.ts";
import { DEAD_LETTER_REASONS } from "../../core/outcome.ts";
import { duration, wholeNumber } from "../terminal/arguments.ts";

/** Options of the `dead-letters` commands: which dead letters, and how to act on or show them. */
export interface Selection {
  readonly function?: string;
  readonly reason?: string;
  readonly type?: string;
  readonly olderThan?: number;
  readonly newerThan?: number;
  readonly limit?: number;
  readonly all?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Adds the options that select dead letters to a command. */
export function selectionOptions(command: Command): Command {
  return command
    .option("--function <name>", "only those of this function")
    .addOption(new Option("--reason <reason>", "only those with this reason").choices(DEAD_LETTER_REASONS))
    .option("--type <type>", "only those of this event type")
    .option("--older-than <duration>", "only those at least this old", duration)
    .option("--newer-than <duration>", "only those at most this old", duration)
    .option("--limit <count>", "at most this many, oldest first", wholeNumber)
    .option("--json", "print JSON");
}

/** Returns the filter that the options describe, without the filters that are not set. */
export function filterOf(options: Selection): DeadLetterFilter {
  const { reason, type, olderThan: olderThanMs, newerThan: newerThanMs, limit } = options;
  const all = { function: options.function, reason, type, olderThanMs, newerThanMs, limit };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
