import { Command } from "commander";
import type { Config } from "../app/config.ts";
import type { DelayedRetry, DelayedRetryFilter } from "../core/delayed_retry.ts";
import { RetryService } from "../nats/retry/service.ts";
import { examples, selectionOptions, wholeNumbers } from "./terminal/command_line.ts";
import { commandConfig, printDefaultTarget } from "./terminal/command_config.ts";
import { printJson, printLines, type Screen, screen, shortTime } from "./terminal/output.ts";
import { OPERATED, withOwnedCluster } from "./terminal/owned_cluster.ts";
import { checkedSelection } from "./terminal/selected_names.ts";
import { type Column, jsonLines, listLines } from "./terminal/table.ts";

type ListOptions = DelayedRetryFilter & { readonly json?: boolean };

export function retriesCommand(): Command {
  const command = new Command("retries").description("List delayed retries and delayed events, or cancel them.")
    .addHelpText("after", examples("retries list", "retries cancel 7"));
  selectionOptions(
    command.command("list").description("List delayed retries, and then events that functions emitted with a delay."),
  )
    .addHelpText("after", examples("retries list", "retries list --function capturePayment --json"))
    .action((options: ListOptions) => withService((service) => list(service, options)));
  command.command("cancel").description(
    "Move delayed retries and events to the dead letters, with the reason `cancelled`.",
  )
    .argument("<sequences...>", "sequences from `list`", wholeNumbers)
    .option("--json", "print JSON")
    .addHelpText("after", examples("retries cancel 7 8"))
    .action((sequences: number[], options: { json?: boolean }) =>
      withService(
        (service) => cancel(service, sequences, options.json),
        (config) => printDefaultTarget(config, options),
      )
    );
  return command;
}

async function withService(
  run: (service: RetryService) => Promise<void>,
  before: (config: Config) => void = () => {},
): Promise<void> {
  const config = commandConfig();
  before(config);
  await withOwnedCluster(config, OPERATED, (cluster) => run(new RetryService(cluster)));
}

async function list(service: RetryService, { json, ...filter }: ListOptions): Promise<void> {
  const retries = checkedSelection(service.list(filter), filter, service.cluster);
  const lines = json ? jsonLines(retries) : retryLines(retries, screen(), Date.now());
  if (await printLines(lines) === 0) console.log("no delayed retries or events");
}

export function retryLines(
  retries: AsyncIterable<DelayedRetry> | Iterable<DelayedRetry>,
  target: Screen,
  nowMs: number,
): AsyncIterable<string> {
  return listLines(
    retries,
    (first) => [
      ["sequence", "seq", ({ sequence }) => sequence],
      ["function", "function", (retry) => retry.function],
      ["type", "type", ({ type }) => type],
      ["id", "id", ({ id }) => id],
      ["due", "due", ({ due }) => shortTime(due, nowMs, target)],
      ["attempts", "tries", ({ attempts }) => attempts],
      ...(first.some(({ kind }) => kind === "event") ? EVENT_COLUMNS : []),
    ],
    target,
  );
}

/** Columns that tell delayed events from delayed retries, when there are any. */
const EVENT_COLUMNS: readonly Column<DelayedRetry>[] = [
  ["kind", "kind", ({ kind }) => kind],
  ["key", "key", ({ key = "" }) => key],
];

async function cancel(service: RetryService, sequences: readonly number[], json = false): Promise<void> {
  const missing: number[] = [];
  for (const sequence of sequences) if (!await service.cancel(sequence)) missing.push(sequence);
  const cancelled = sequences.length - missing.length;
  if (json) printJson({ cancelled, missing });
  else if (cancelled > 0) console.log(`${cancelled} cancelled`); // otherwise the error says that all are missing
  if (missing.length > 0) {
    throw new Error(`there is no delayed retry or event ${missing.join(", ")} (any more)`);
  }
}
