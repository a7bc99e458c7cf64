import { Command } from "commander";
import { withCluster } from "../app/cluster.ts";
import { type Config, namespaceOf } from "../app/config.ts";
import { desiredState } from "../app/desired_state.ts";
import { type Namespace, namespaceProblem } from "../core/namespace.ts";
import { type Migrated, Migration } from "../nats/migrate/migration.ts";
import { ensureTopology } from "../nats/topology/ensure_topology.ts";
import { loadProject } from "../project/load_project.ts";
import type { Registry } from "../project/registry.ts";
import { printable } from "../telemetry/otel/logs/printable.ts";
import { explainNatsErrors } from "./plan.ts";
import { commandConfig, printDefaultTarget } from "./terminal/command_config.ts";
import { bucketNames } from "./terminal/command_line.ts";
import { CommandFailure, EXIT_CODES, usageError } from "./terminal/exit_codes.ts";
import { count, printJson } from "./terminal/output.ts";
import { onStopSignal } from "./terminal/signals.ts";

interface Options {
  readonly from?: string;
  readonly bucket?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function migrateCommand(): Command {
  return new Command("migrate")
    .description("Move waiting events, retries and dead letters into the namespace of WEIR_NAMESPACE, or out of one.")
    .option("--from <namespace>", "the namespace that they are in (default: none)")
    .option("--bucket <names...>", "also copy these key-value buckets of handlers", bucketNames)
    .option("--dry-run", "only show how much would be moved")
    .option("--json", "print the numbers as JSON")
    .addHelpText(
      "after",
      `
Stop the processes of both namespaces first. Each event that waits goes to the function that it waits
for, and to no other. Events that were handled stay in their old streams, which you may remove.
After an interruption run it again: it moves what is left.

Examples:
  WEIR_NAMESPACE=shop-staging deno task migrate --dry-run
  WEIR_NAMESPACE=shop-staging deno task migrate --bucket stock
  deno task migrate --from shop-staging   # back to no namespace`,
    )
    .action(migrate);
}

async function migrate(options: Options): Promise<void> {
  const config = commandConfig(), registry = await loadProject();
  const from = sourceOf(options.from, config, registry);
  printDefaultTarget(config, options);
  const stopped = new AbortController();
  const stopListening = onStopSignal(() => stopped.abort(), () => Deno.exit(EXIT_CODES.interrupted));
  try {
    const work = withCluster(config, async (cluster) => {
      const functionNames = registry.functions.map(({ name }) => name);
      const migration = new Migration({ ...cluster, from, to: cluster.names }, functionNames);
      if (options.dryRun) return await explained(migration, await migration.count());
      await migration.checkIdle();
      const desired = await migration.positioned(desiredState(config, registry, registry.functions));
      await ensureTopology(cluster.jsm, desired, { scope: "start" });
      return await explained(migration, await migration.run(options.bucket ?? [], stopped.signal));
    }, registry);
    report(await explainNatsErrors(work), options);
  } finally {
    stopListening();
  }
  if (stopped.signal.aborted) throw new CommandFailure("interrupted: run it again, and it moves what is left");
}

/** Says where a migration looked that found nothing: the project may have had another name. */
async function explained(migration: Migration, migrated: Migrated): Promise<Migrated> {
  const { events, delayedRetries, deadLetters, entries } = migrated;
  if (events + delayedRetries + deadLetters + entries === 0) console.error(printable(await migration.whyNothing()));
  return migrated;
}

/** @throws a usage error if the two namespaces are the same, or if one of the two is not a valid name. */
function sourceOf(from: string | undefined, config: Config, registry: Registry): Namespace {
  const { WEIR_NAMESPACE: to } = config;
  const problem = from === undefined ? undefined : namespaceProblem(from);
  if (problem) throw usageError(`--from ${JSON.stringify(from)} is no namespace; wanted: ${problem}`);
  if (from === to) {
    throw usageError(
      from === undefined
        ? "migrate where? set WEIR_NAMESPACE to the namespace to move to, or name the one to leave with --from"
        : `--from and WEIR_NAMESPACE are both ${from}: set WEIR_NAMESPACE to the namespace to move to`,
    );
  }
  return namespaceOf({ ...config, WEIR_NAMESPACE: from }, registry);
}

function report({ events, delayedRetries, deadLetters, entries }: Migrated, { json, dryRun }: Options): void {
  if (json) return printJson({ events, delayedRetries, deadLetters, entries });
  const parts = [
    count(events, "waiting event"),
    count(delayedRetries, "delayed retry", "delayed retries"),
    count(deadLetters, "dead letter"),
  ];
  const copied = dryRun ? "" : `; copied ${count(entries, "entry", "entries")} of buckets`;
  console.log(`${dryRun ? "would move" : "moved"} ${parts.join(", ")}${copied}`);
}
