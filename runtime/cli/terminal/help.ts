import type { Command } from "commander";

/** Most columns of help text, on any terminal: longer lines are hard to read. */
const MAX_COLUMNS = 100;

/** Gives a program and all of its commands the same help width, error prefix and exit behaviour. */
export function configureHelp(program: Command): void {
  const width = () => Math.min(MAX_COLUMNS, process.stdout.columns || MAX_COLUMNS);
  program.configureOutput({
    getOutHelpWidth: width,
    getErrHelpWidth: width,
    outputError: (text, write) => write(text.replace(/^error: /, "weir: ")),
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

/**
 * Formats examples for the end of `--help`.
 *
 * @param tasks What follows `deno task` in each example.
 */
export function examples(...tasks: string[]): string {
  return `\n${tasks.length === 1 ? "Example" : "Examples"}:\n${tasks.map((task) => `  deno task ${task}`).join("\n")}`;
}
