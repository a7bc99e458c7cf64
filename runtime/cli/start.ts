import { Command } from "commander";
import { type Config, readConfig } from "../app/config.ts";
import { runProcess, type StartOptions } from "./start/run_process.ts";

/** Builds the command `start`. */
export function startCommand(): Command {
  return new Command("start")
    .description("Run in production. All configuration comes from the environment, and NATS must be running already.")
    .addHelpText("after", "\nExample:\n  NATS_URL=nats://nats:4222 WEIR_API_KEYS=shop:secret deno task start")
    .option("--no-apply", "change nothing in NATS; exit if streams or consumers differ from what the project declares")
    .action(start);
}

/** Runs until a stop signal, in one process or, if WEIR_WORKERS is more than 1, in that many. */
async function start(options: StartOptions): Promise<void> {
  const config = validConfig();
  if (config && config.WEIR_WORKERS > 1) return await (await import("./start/supervise.ts")).supervise(config, options);
  // Only a supervisor may start Deno: a handler that could start it would get round every permission.
  Deno.permissions.revokeSync({ name: "run", command: Deno.execPath() });
  await runProcess(options, undefined, config);
}

/** Returns the configuration, or undefined if it has problems: {@linkcode runProcess} reports them with all others. */
function validConfig(): Config | undefined {
  try {
    return readConfig();
  } catch {
    return undefined;
  }
}
