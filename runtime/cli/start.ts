import { Command } from "commander";
import { start, worker } from "./start/start.ts";

export function startCommand(): Command {
  return new Command("start")
    .description("Run in production. All configuration comes from the environment, and NATS must be running already.")
    .addHelpText("after", "\nExample:\n  NATS_URL=nats://nats:4222 WEIR_API_KEYS=shop:secret deno task start")
    .option("--no-apply", "change nothing in NATS; exit if streams or consumers differ from what the project declares")
    .action(start);
}

/** Builds the hidden command `worker`, which the supervisor of `start` runs in each of its processes. */
export function workerCommand(): Command {
  return new Command("worker").argument("<number>").option("--no-apply").action(worker);
}
