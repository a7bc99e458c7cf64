import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { printableLines } from "../telemetry/otel/logs/printable.ts";
import { CommandFailure, EXIT_CODES } from "./terminal/exit_codes.ts";
import { exitOnStopSignal } from "./terminal/signals.ts";

/**
 * Runs the command line. `start` without options, as the image runs it, loads no parser, which
 * imports modules of Node that nothing else needs; see bench.
 */
async function run(args: readonly string[]): Promise<void> {
  if (args.join() !== "start") return await (await import("./program.ts")).runCommand(args);
  exitOnStopSignal();
  await (await import("./start/start.ts")).start({ apply: true });
}

/** Prints an error: of `start` as its log is written, which a program reads, and of other commands as text. */
async function report(message: string, error: unknown): Promise<void> {
  if (!["start", "worker"].includes(Deno.args[0])) return console.error(`weir: ${printableLines(message)}`);
  (await import("./start/process_log.ts")).reportFailure(message, error);
}

if (import.meta.main) {
  try {
    // Deno's built-in OpenTelemetry leaves the span of a fetch active unless a context surrounds it.
    await context.with(ROOT_CONTEXT, () => run(Deno.args));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== "") await report(message, error);
    Deno.exit(error instanceof CommandFailure ? error.code : EXIT_CODES.failed);
  }
}
