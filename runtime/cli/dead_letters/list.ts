import { type Command, InvalidArgumentError } from "commander";
import { DEAD_LETTER_REASONS, type DeadLetter, type DeadLetterFilter } from "../../core/dead_letter.ts";
import { showContent } from "../../http/admin/dead_letter_routes.ts";
import type { DeadLetterService } from "../../nats/dead_letters/service.ts";
import { choiceOption, duration, selectionOptions } from "../terminal/command_line.ts";
import { printJson, printLines, type Screen, screen, shortTime } from "../terminal/output.ts";
import { checkedSelection } from "../terminal/selected_names.ts";
import { jsonLines, listLines } from "../terminal/table.ts";

export interface Selection extends Omit<DeadLetterFilter, "olderThanMs" | "newerThanMs"> {
  readonly olderThan?: number;
  readonly newerThan?: number;
  readonly all?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function deadLetterOptions(command: Command): Command {
  return selectionOptions(command)
    .addOption(choiceOption("--reason <reason>", "only those with this reason", DEAD_LETTER_REASONS))
    .option("--error <text>", "only those whose error contains this text, or of a group, by its id", errorText)
    .option("--older-than <duration>", "only those at least this old", duration)
    .option("--newer-than <duration>", "only those at most this old", duration);
}

/** Checks the text of an error. An empty one, as of a variable that is not set, would select all. */
function errorText(text: string): string {
  if (text === "") throw new InvalidArgumentError("It must not be empty");
  return text;
}

/** Returns the filter that the options describe, without the filters that are not set. */
export function filterOf(options: Selection): DeadLetterFilter {
  const { reason, type, olderThan: olderThanMs, newerThan: newerThanMs, error, limit } = options;
  const all = { function: options.function, reason, type, olderThanMs, newerThanMs, error, limit };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function list(service: DeadLetterService, options: Selection): Promise<void> {
  return print(checkedSelection(service.list(filterOf(options)), options, service.cluster), options);
}

export async function show(service: DeadLetterService, sequence: number): Promise<void> {
  const letter = await service.read(sequence);
  if (!letter) throw new Error(`there is no dead letter ${sequence}`);
  printJson(showContent(letter));
}

/** Prints dead letters while they are read. */
export async function print(letters: AsyncIterable<DeadLetter> | Iterable<DeadLetter>, options: Selection) {
  const lines = options.json ? jsonLines(letters) : deadLetterLines(letters, screen(), Date.now());
  if (await printLines(lines) === 0) console.log("no dead letters");
}

/** Formats dead letters. On a terminal there is a column of redrives only if there are any. */
export function deadLetterLines(
  letters: AsyncIterable<DeadLetter> | Iterable<DeadLetter>,
  target: Screen,
  nowMs: number,
): AsyncIterable<string> {
  return listLines(letters, (first) => {
    const redriven = !target.terminal || first.some(({ redrives }) => redrives > 0);
    return [
      ["sequence", "seq", ({ sequence }) => sequence],
      ["function", "function", (letter) => letter.function],
      ["type", "type", ({ type }) => type],
      ["reason", "reason", ({ reason }) => reason],
      ["attempts", "tries", ({ attempts }) => attempts],
      ...(redriven ? [["redriven", "redriven", ({ redrives }: DeadLetter) => redrives] as const] : []),
      ["time", "time", ({ time }) => shortTime(time, nowMs, target)],
    ];
  }, target);
}
