import type { Command } from "commander";

/** Help is read, and long lines are read badly, however wide the terminal. */
const WIDEST = 100;

/** Has every command of a program speak, wrap its help and end as the program itself does. */
export function alike(program: Command): Command {
  const width = () => Math.min(WIDEST, process.stdout.columns || WIDEST);
  program.configureOutput({
    getOutHelpWidth: width,
    getErrHelpWidth: width,
    outputError: (text, write) => write(text.replace(/^error: /, "weir: ")),
  });
  inherit(program);
  return program;
}

/** Those that were made apart and added have not: they would end the process in their own way. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    inherit(command);
  }
}

/** Examples for the foot of `--help`: of each, what comes after `deno task`. */
export function examples(...tasks: string[]): string {
  return `\n${tasks.length === 1 ? "Example" : "Examples"}:\n${tasks.map((task) => `  deno task ${task}`).join("\n")}`;
}
