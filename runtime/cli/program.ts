import { Command, CommanderError } from "commander";
import denoJson from "../deno.json" with { type: "json" };
import { configureHelp } from "./terminal/command_line.ts";
import { EXIT_CODE_HELP, EXIT_CODES } from "./terminal/exit_codes.ts";
import { exitOnStopSignal } from "./terminal/signals.ts";
import { warnOfStrayErrors } from "./terminal/stray_warnings.ts";

/** The commands, in the order of `--help`. Only the one that is called is loaded: all of them are 110 modules more. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  dev: async () => (await import("./dev.ts")).devCommand(),
  start: async () => (await import("./start.ts")).startCommand(),
  worker: async () => (await import("./start.ts")).workerCommand(),
  revision: async () => (await import("./revision.ts")).revisionCommand(),
  init: async () => (await import("./init.ts")).initCommand(),
  new: async () => (await import("./new.ts")).newCommand(),
  catalog: async () => (await import("./catalog.ts")).catalogCommand(),
  schemas: async () => (await import("./schemas.ts")).schemasCommand(),
  types: async () => (await import("./types.ts")).typesCommand(),
  publish: async () => (await import("./publish.ts")).publishCommand(),
  functions: async () => (await import("./functions.ts")).functionsCommand(),
  events: async () => (await import("./events.ts")).eventsCommand(),
  plan: async () => (await import("./plan.ts")).planCommand(),
  apply: async () => (await import("./apply.ts")).applyCommand(),
  "nats-permissions": async () => (await import("./nats_permissions.ts")).natsPermissionsCommand(),
  manifests: async () => (await import("./manifests.ts")).manifestsCommand(),
  "dead-letters": async () => (await import("./dead_letters.ts")).deadLettersCommand(),
  retries: async () => (await import("./retries.ts")).retriesCommand(),
  migrate: async () => (await import("./migrate.ts")).migrateCommand(),
  replay: async () => (await import("./replay.ts")).replayCommand(),
  doctor: async () => (await import("./doctor.ts")).doctorCommand(),
  completions: async () => (await import("./completions.ts")).completionsCommand(program),
};
/** Commands that their parent process runs and stops. */
const CHILDREN = ["worker", "revision"];

/**
 * Builds the command line. Configuration comes from the environment, so commands have few options.
 *
 * @param called The command that is loaded. Default, and if there is none of this name: all of them.
 */
export async function program(called = ""): Promise<Command> {
  const weir = new Command("weir")
    .description("Event functions for NATS JetStream, on Deno.")
    .version(denoJson.version, "-v, --version", "show the version of Weir")
    .exitOverride()
    .enablePositionalOptions() // `functions` and `functions pause` each have a `--json`
    .showHelpAfterError("(--help shows how it is used)")
    .addHelpText("afterAll", `\n${EXIT_CODE_HELP}`);
  const loaded = Object.hasOwn(COMMANDS, called) ? [COMMANDS[called]] : Object.values(COMMANDS);
  for (const command of await Promise.all(loaded.map((load) => load()))) {
    weir.addCommand(command, { hidden: CHILDREN.includes(command.name()) });
  }
  configureHelp(weir);
  return weir;
}

/**
 * Commands that run until a signal. Every other command exits after its action, even if a module that it imported left
 * something open.
 */
const SERVICES = ["dev", "start", "worker", "revision"];

/** Runs the command that the arguments name. */
export async function runCommand(args: readonly string[]): Promise<void> {
  const weir = (await program(args[0])).hook("preAction", (_weir, command) => {
    if (!CHILDREN.includes(command.name())) exitOnStopSignal();
  }).hook("postAction", (_weir, command) => {
    if (!SERVICES.includes(command.name())) Deno.exit(EXIT_CODES.done);
  });
  if (!SERVICES.includes(args[0])) warnOfStrayErrors();
  try {
    await weir.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    Deno.exit(error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage);
  }
}
