import { Command } from "commander";
import { authProblem } from "../app/config.ts";
import { Dev } from "../dev/dev.ts";
import { readDevConfig } from "../dev/dev_environment.ts";
import { banner } from "./dev/banner.ts";
import { EVENT_TYPES_FILE, writeEventTypes } from "./types.ts";
import { EXIT_CODES } from "./terminal/exit_codes.ts";
import { onStopSignal } from "./terminal/signals.ts";
import { startArguments } from "./start/start_arguments.ts";

/** Builds the command `dev`. */
export function devCommand(): Command {
  return new Command("dev")
    .description(
      "Run everything on this machine: a nats-server unless NATS_URL is set, mock services, reload on change.",
    )
    .addHelpText("after", "\nExamples:\n  deno task dev\n  PORT=8080 deno task dev\n  deno task dev --fresh")
    .option("--fresh", "delete all events and state of earlier runs first")
    .option("--no-check", "do not check types: what has type errors stays live")
    .action(dev);
}

async function dev({ fresh = false, check }: { readonly fresh?: boolean; readonly check: boolean }): Promise<void> {
  const config = readDevConfig();
  const unsafe = authProblem(config);
  if (unsafe) throw new Error(unsafe);
  const dev = new Dev({
    config,
    fresh,
    checkTypes: check,
    revisionArguments,
    generateFiles: async () => await writeEventTypes() ? [EVENT_TYPES_FILE] : [],
    onReady: (ready) => console.log(banner(ready, config.WEIR_API_KEYS)),
  });
  onStopSignal(async () => {
    await dev.stop();
    Deno.exit(EXIT_CODES.done);
  }, () => {
    dev.kill();
    Deno.exit(EXIT_CODES.interrupted);
  });
  await dev.run();
}

/** Returns the arguments of the task "start", with the command `revision` instead of `start`. */
async function revisionArguments(): Promise<string[]> {
  const args = await startArguments();
  if (args.at(-1) === "start") return [...args.slice(0, -1), "revision"];
  throw new Error('deno.json: the task "start" must be `deno run … weir/cli start`, since dev uses its permissions');
}
