import { type Command, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../../core/did_you_mean.ts";
import { DURATION_HELP, parseDuration } from "../../core/duration.ts";
import { printableLines } from "../../telemetry/otel/logs/printable.ts";
import { functionNameProblem } from "../../core/function_name.ts";
import { subjectProblem } from "../../core/subjects.ts";

/** Most columns of help text, on any terminal: longer lines are hard to read. */
const MAX_COLUMNS = 100;

/** Gives a program and all of its commands the same help width, error prefix and exit behaviour. */
export function configureHelp(program: Command): void {
  const width = () => Math.min(MAX_COLUMNS, process.stdout.columns || MAX_COLUMNS);
  program.configureOutput({
    getOutHelpWidth: width,
    getErrHelpWidth: width,
    outputError: (text, write) => write(printableLines(text.replace(/^error: /, "weir: "))),
  });
  inherit(program);
}

/** Copies the settings down: commands that were built apart and added with `addCommand` do not inherit them. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    inherit(command);
  }
}

/** Formats examples for the end of `--help`, from what follows `deno task` in each. */
export function examples(...tasks: string[]): string {
  return `\n${tasks.length === 1 ? "Example" : "Examples"}:\n${tasks.map((task) => `  deno task ${task}`).join("\n")}`;
}

/** Returns an option that takes one of some values. Its error suggests the value that was probably meant. */
export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices).argParser((given) => {
    if (choices.includes(given)) return given;
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}${didYouMean(given, choices)}`);
  });
}

/**
 * Checks the name of a function in an option or an argument. An empty name, such as that of a shell variable that is
 * not set, is refused too.
 */
export function functionName(text: string): string {
  const problem = functionNameProblem(text);
  if (problem) throw new InvalidArgumentError(problem);
  return text;
}

/** Checks each of several names, as {@linkcode functionName} does. */
export function functionNames(text: string, before: readonly string[] = []): string[] {
  return [...before, functionName(text)];
}

/** Checks the name of a stream in an option or an argument. */
export function streamName(text: string): string {
  if (/^[^\s.*>/\\]+$/.test(text)) return text;
  throw new InvalidArgumentError("It must be the name of a stream: no white space, and none of . * > / \\");
}

/** Checks each of several names of key-value buckets. */
export function bucketNames(text: string, before: readonly string[] = []): string[] {
  if (/^[-\w]+$/.test(text)) return [...before, text];
  throw new InvalidArgumentError("It must be the name of a key-value bucket: letters a-z and A-Z, digits, - and _");
}

/** Checks a subject pattern in an option. */
export function subjectPattern(text: string): string {
  const problem = subjectProblem(text);
  if (problem) throw new InvalidArgumentError(`It must be a type or a subject pattern: ${problem}`);
  return text;
}

/** Adds the options that select unhandled events to a command. */
export function selectionOptions(command: Command): Command {
  return command
    .option("--function <name>", "only those of this function", functionName)
    .option("--type <pattern>", "only those of this event type, or of a pattern such as 'orders.>'", subjectPattern)
    .option("--limit <count>", "at most this many, oldest first", wholeNumber)
    .option("--json", "print JSON");
}

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1");
  return Number(text);
}

export function wholeNumbers(text: string, before: number[] = []): number[] {
  return [...before, wholeNumber(text)];
}

/** Parses a duration such as `30d` into milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`It must be ${DURATION_HELP}`);
  return ms;
}
