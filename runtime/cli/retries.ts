import { Command } from "commander";
import { withCluster } from "../app/cluster.ts";
import type { DelayedRetry, DelayedRetryFilter } from "../core/delayed_retry.ts";
import { RetryService } from "../nats/retry/service.ts";
import { commandConfig } from "./terminal/command_config.ts";
import { examples } from "./terminal/help.ts";
import { below, type Cell, printJson, type Screen, screen, shortTime, table } from "./terminal/output.ts";
import { wholeNumber, wholeNumbers } from "./terminal/arguments.ts";

type Selection = DelayedRetryFilter & { readonly json?: boolean };

/** `retries list|cancel`. */
export function retriesCommand(): Command {
  const command = new Command("retries").description(
    "Look at events that wait for their next attempt, and end the wait.",
  ).addHelpText("after", examples("retries list", "retries cancel 7"));
  command.command("list").description("List them, in the order they were delayed.")
    .option("--function <name>", "only those of this function")
    .option("--type <type>", "only those of this event type")
    .option("--limit <count>", "only the first so many", wholeNumber)
    .option("--json", "print JSON")
    .addHelpText("after", examples("retries list", "retries list --function capturePayment --json"))
    .action((options: Selection) => withService((service) => list(service, options)));
  command.command("cancel").description("Try them no more: they go to the dead letters, as `rejected`.")
    .argument("<sequences...>", "which, as `list` shows them", wholeNumbers)
    .option("--json", "print JSON")
    .addHelpText("after", examples("retries cancel 7 8"))
    .action((which: number[], options: Selection) => withService((service) => cancel(service, which, options)));
  return command;
}

async function withService(run: (service: RetryService) => Promise<void>): Promise<void> {
  await withCluster(commandConfig(), (cluster) => run(new RetryService(cluster)));
}

async function list(service: RetryService, { json, ...filter }: Selection): Promise<void> {
  const events = await Array.fromAsync(service.list(filter));
  if (json) return printJson(events);
  if (events.length === 0) return console.log("no delayed retries");
  console.log(retryTable(events, screen(), Date.now()));
}

/** For a person each with its error below it. */
export function retryTable(events: readonly DelayedRetry[], shown: Screen, nowMs: number): string {
  if (!shown.terminal) {
    const head = ["sequence", "function", "type", "id", "due", "attempts", "error"];
    const rows = events.map((one) => [one.sequence, one.function, one.type, one.id, one.due, one.attempts, one.error]);
    return table(head, rows, shown);
  }
  const head = ["seq", "function", "type", "id", "due", "tries"];
  const rows = events.flatMap((one): Cell[][] => [
    [one.sequence, one.function, one.type, one.id, shortTime(one.due, nowMs, shown), one.attempts],
    [below(one.error, head.length, shown)],
  ]);
  return table(head, rows, shown);
}

async function cancel(service: RetryService, which: number[], { json }: Selection): Promise<void> {
  const missing: number[] = [];
  for (const one of which) if (!await service.cancel(one)) missing.push(one);
  const cancelled = which.length - missing.length;
  if (json) printJson({ cancelled, missing });
  else console.log(`${cancelled} cancelled`);
  if (missing.length > 0) {
    throw new Error(`there is no delayed retry at ${missing.join(", ")}: come due, or cancelled before`);
  }
}
