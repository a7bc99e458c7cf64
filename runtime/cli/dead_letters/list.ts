import type { DeadLetter } from "../../core/dead_letter.ts";
import { showContent } from "../../http/admin/dead_letter_routes.ts";
import type { DeadLetterService } from "../../nats/dead_letters/service.ts";
import { below, type Cell, printJson, type Screen, screen, shortTime, table } from "../terminal/output.ts";
import { filterOf, type Selection } from "./selection.ts";

/** Prints the selected dead letters. */
export async function list(service: DeadLetterService, options: Selection): Promise<void> {
  print(await Array.fromAsync(service.list(filterOf(options))), options);
}

/** Prints a dead letter with its headers and its payload. */
export async function show(service: DeadLetterService, sequence: number): Promise<void> {
  const letter = await service.read(sequence);
  if (!letter) throw new Error(`there is no dead letter ${sequence}`);
  printJson(showContent(letter));
}

/** Prints dead letters as a table, or as JSON if the options say so. */
export function print(letters: readonly DeadLetter[], options: Selection): void {
  if (options.json) return printJson(letters);
  if (letters.length === 0) return console.log("no dead letters");
  console.log(deadLetterTable(letters, screen(), Date.now()));
}

/** Formats dead letters. On a terminal each has its error below it, and a column of redrives only if there are any. */
export function deadLetterTable(letters: readonly DeadLetter[], target: Screen, nowMs: number): string {
  if (!target.terminal) {
    const head = ["sequence", "function", "type", "reason", "attempts", "redriven", "time", "error"];
    const rows = letters.map((letter) => {
      const { sequence, type, reason, attempts, redrives, time, error } = letter;
      return [sequence, letter.function, type, reason, attempts, redrives, time, error];
    });
    return table(head, rows, target);
  }
  const redriven = letters.some(({ redrives }) => redrives > 0);
  const head = ["seq", "function", "type", "reason", "tries", ...(redriven ? ["redriven"] : []), "time"];
  const rows = letters.flatMap((letter): Cell[][] => [
    [
      ...[letter.sequence, letter.function, letter.type, letter.reason, letter.attempts],
      ...(redriven ? [letter.redrives] : []),
      shortTime(letter.time, nowMs, target),
    ],
    [below(letter.error, head.length, target)],
  ]);
  return table(head, rows, target);
}
