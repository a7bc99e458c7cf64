/**
 * Runs commands of Weir one after the other in one process, which has loaded Weir and the project once. Each line of
 * standard input is a {@linkcode HostedCommand} as JSON. `commands.ts` starts it.
 */
import { runCommand } from "../../runtime/cli/program.ts";
import { CommandFailure, EXIT_CODES } from "../../runtime/cli/terminal/exit_codes.ts";
import { printableLines } from "../../runtime/telemetry/otel/logs/printable.ts";

/** A command to run. */
export interface HostedCommand {
  readonly args: readonly string[];
  /** Its variables, instead of those of the command before. */
  readonly env: Readonly<Record<string, string>>;
  /** Printed, with the exit code, once the command has ended: to both outputs, since they are read apart. */
  readonly end: string;
}

/** Thrown in place of an exit, which would end the commands that follow. */
class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

/** Runs a command and returns its exit code, as `runtime/cli/main.ts` ends the process with it. */
async function exitCodeOf(args: readonly string[]): Promise<number> {
  try {
    await runCommand(args);
    return EXIT_CODES.done;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    const message = error instanceof Error ? error.message : String(error);
    if (message !== "") console.error(`weir: ${printableLines(message)}`);
    return error instanceof CommandFailure ? error.code : EXIT_CODES.failed;
  }
}

if (import.meta.main) {
  Deno.exit = (code = 0) => {
    throw new Exit(code);
  };
  let text = "", names: string[] = [];
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const { args, env, end }: HostedCommand = JSON.parse(line);
      for (const name of names) Deno.env.delete(name);
      for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
      names = Object.keys(env);
      const code = await exitCodeOf(args);
      for (const print of [console.log, console.error]) print(`${end} ${code}`);
    }
  }
}
