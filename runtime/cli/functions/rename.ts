import { Command } from "commander";
import { findConsumer } from "../../nats/topology/find.ts";
import { functionConsumers } from "../../nats/topology/function_consumers.ts";
import { isPulled } from "../../nats/topology/plan_undeclared.ts";
import { renameFunction } from "../../nats/rename/rename_function.ts";
import { renameOf } from "../../nats/rename/rename_plan.ts";
import { commandConfig, printDefaultTarget } from "../terminal/command_config.ts";
import { examples, functionName } from "../terminal/command_line.ts";
import { CommandFailure, usageError } from "../terminal/exit_codes.ts";
import { printJson } from "../terminal/output.ts";
import { OPERATED, withOwnedCluster } from "../terminal/owned_cluster.ts";
import { consumersOf } from "../terminal/selected_names.ts";

interface Options {
  readonly json?: boolean;
}

export function renameCommand(): Command {
  return new Command("rename")
    .description("Move everything that waits for a function to its new name, before it starts under that.")
    .argument("<old>", "the name so far", functionName)
    .argument("<new>", "the new name: that of its file", functionName)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples("functions rename capturePayment chargeCard") +
        "\n\nStop the function first. After an interruption, run it again: no event is lost, and none comes twice.",
    )
    .action(rename);
}

async function rename(from: string, to: string, options: Options): Promise<void> {
  if (from === to) throw usageError("both names are the same");
  const config = commandConfig();
  printDefaultTarget(config, options);
  await withOwnedCluster(config, OPERATED, async (cluster) => {
    const { jsm, names } = cluster, known = await findConsumer(jsm, names.retries.stream, names.consumer(to));
    const continues = known !== undefined && renameOf(known)?.from === from;
    if (!continues) await consumersOf(cluster, [from]);
    for (const name of [from, to]) {
      const consumers = await functionConsumers(jsm, name, names);
      // A rename that was interrupted has pulled from the old consumers itself.
      const isUsed = continues ? ({ num_waiting }: { num_waiting: number }) => num_waiting > 0 : isPulled;
      if (!consumers.some(isUsed)) continue;
      throw new CommandFailure(
        `a process pulls for ${name}, or did within the last minute: stop it, then run this again`,
      );
    }
    const { retries, deadLetters, claims } = await renameFunction(cluster, from, to);
    if (options.json) return printJson({ from, to, retries, deadLetters, claims });
    const moved = `${retries} retries, ${deadLetters} dead letters and ${claims} handled events moved`;
    console.log(`${from} is ${to} now: ${moved}; what waits in streams comes to ${to}`);
  });
}
