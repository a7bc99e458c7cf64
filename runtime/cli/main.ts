import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { Command, CommanderError } from "commander";
import { applyCommand } from "./apply.ts";
import { deadLettersCommand } from "./dead_letters.ts";
import denoJson from "../deno.json" with { type: "json" };
import { devCommand } from "./dev.ts";
import { doctorCommand } from "./doctor.ts";
import { eventsCommand } from "./events.ts";
import { typesCommand } from "./event_types.ts";
import { CommandFailure, EXIT_CODE_HELP, EXIT_CODES } from "./exit_codes.ts";
import { functionsCommand } from "./functions.ts";
import { revisionCommand } from "./revision.ts";
import { alike } from "./help.ts";
import { initCommand } from "./init.ts";
import { newCommand } from "./new.ts";
import { parkedCommand } from "./retries.ts";
import { planCommand } from "./plan.ts";
import { publishCommand } from "./publish.ts";
import { start } from "./start.ts";
import { worker } from "./worker.ts";

/** Configuration comes from the environment, so commands have few options; each explains itself with `--help`. */
export function program(): Command {
  const weir = new Command("weir")
    .description("Event functions for NATS JetStream, on Deno.")
    .version(denoJson.version, "-v, --version", "show the version of Weir")
    .exitOverride()
    .showHelpAfterError("(--help shows how it is used)")
    .addHelpText("afterAll", `\n${EXIT_CODE_HELP}`);
  weir.addCommand(devCommand());
  weir.command("start")
    .description("Run in production: everything comes from the environment, and NATS is somebody else's.")
    .addHelpText("after", "\nExample:\n  NATS_URL=nats://nats:4222 WEIR_API_KEYS=shop:secret deno task start")
    .option("--no-apply", "change nothing in NATS: where streams or consumers are not as declared, say so and exit")
    .action(start);
  weir.command("worker <number>", { hidden: true }).option("--no-apply").action(worker);
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
  weir.addCommand(parkedCommand());
  weir.addCommand(doctorCommand());
  return alike(weir);
}

if (import.meta.main) {
  try {
    // Deno's built-in OpenTelemetry leaves the span of a fetch active behind it, unless there is a context around it.
    await context.with(ROOT_CONTEXT, () => program().parseAsync(Deno.args, { from: "user" }));
  } catch (error) {
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage);
    const message = error instanceof Error ? error.message : String(error);
    if (message !== "") console.error(`weir: ${message}`);
    Deno.exit(error instanceof CommandFailure ? error.code : EXIT_CODES.failed);
  }
}
