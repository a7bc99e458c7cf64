import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { Command, CommanderError } from "commander";
import { applyCommand } from "./apply.ts";
import { deadLettersCommand } from "./dead_letters.ts";
import { completionsCommand } from "./completions.ts";
import denoJson from "../deno.json" with { type: "json" };
import { devCommand } from "./dev.ts";
import { doctorCommand } from "./doctor.ts";
import { eventsCommand } from "./events.ts";
import { functionsCommand } from "./functions.ts";
import { revisionCommand } from "./revision.ts";
import { initCommand } from "./init.ts";
import { migrateCommand } from "./migrate.ts";
import { newCommand } from "./new.ts";
import { retriesCommand } from "./retries.ts";
import { planCommand } from "./plan.ts";
import { publishCommand } from "./publish.ts";
import { replayCommand } from "./replay.ts";
import { startCommand, workerCommand } from "./start.ts";
import { printableLines } from "../telemetry/otel/logs/printable.ts";
import { CommandFailure, EXIT_CODE_HELP, EXIT_CODES } from "./terminal/exit_codes.ts";
import { configureHelp } from "./terminal/command_line.ts";
import { warnOfStrayErrors } from "./terminal/stray_warnings.ts";
import { exitOnStopSignal } from "./terminal/signals.ts";
import { typesCommand } from "./types.ts";

/** Builds the command line. Configuration comes from the environment, so commands have few options. */
export function program(): Command {
  const weir = new Command("weir")
    .description("Event functions for NATS JetStream, on Deno.")
    .version(denoJson.version, "-v, --version", "show the version of Weir")
    .exitOverride()
    .enablePositionalOptions() // `functions` and `functions pause` each have a `--json`
    .showHelpAfterError("(--help shows how it is used)")
    .addHelpText("afterAll", `\n${EXIT_CODE_HELP}`);
  weir.addCommand(devCommand());
  weir.addCommand(startCommand());
  weir.addCommand(workerCommand(), { hidden: true });
  weir.addCommand(revisionCommand(), { hidden: true });
  weir.addCommand(initCommand());
  weir.addCommand(newCommand());
  weir.addCommand(typesCommand());
  weir.addCommand(publishCommand());
  weir.addCommand(functionsCommand());
  weir.addCommand(eventsCommand());
  weir.addCommand(planCommand());
  weir.addCommand(applyCommand());
  weir.addCommand(deadLettersCommand());
  weir.addCommand(retriesCommand());
  weir.addCommand(migrateCommand());
  weir.addCommand(replayCommand());
  weir.addCommand(doctorCommand());
  weir.addCommand(completionsCommand(program));
  configureHelp(weir);
  return weir;
}

/**
 * Commands that run until a signal. Every other command exits after its action, even if a module that it imported left
 * something open.
 */
const SERVICES = ["dev", "start", "worker", "revision"];
/** Commands that their parent process stops. */
const CHILDREN = ["worker", "revision"];

/** Prints an error: of `start` as its log is written, which a program reads, and of other commands as text. */
async function report(message: string, error: unknown): Promise<void> {
  if (!["start", "worker"].includes(Deno.args[0])) return console.error(`weir: ${printableLines(message)}`);
  (await import("./start/process_log.ts")).reportFailure(message, error);
}

if (import.meta.main) {
  const weir = program().hook("preAction", (_weir, command) => {
    if (!CHILDREN.includes(command.name())) exitOnStopSignal();
  }).hook("postAction", (_weir, command) => {
    if (!SERVICES.includes(command.name())) Deno.exit(EXIT_CODES.done);
  });
  if (!SERVICES.includes(Deno.args[0])) warnOfStrayErrors();
  try {
    // Deno's built-in OpenTelemetry leaves the span of a fetch active unless a context surrounds it.
    await context.with(ROOT_CONTEXT, () => weir.parseAsync(Deno.args, { from: "user" }));
  } catch (error) {
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage);
    const message = error instanceof Error ? error.message : String(error);
    if (message !== "") await report(message, error);
    Deno.exit(error instanceof CommandFailure ? error.code : EXIT_CODES.failed);
  }
}
