import { Command } from "commander";
import { covers } from "../../core/subjects.ts";
import { readStoredEvent } from "../../nats/inspect/read_message.ts";
import { isAssigned } from "../../nats/partitions/find_assigned.ts";
import { cancelEvent } from "../../nats/retry/cancelled_events.ts";
import { RetryService } from "../../nats/retry/service.ts";
import { partitionsIn } from "../../nats/topology/partition_changes.ts";
import { filtersOf } from "../../nats/topology/plan_consumer.ts";
import { examples, functionName, streamName, wholeNumber } from "../terminal/command_line.ts";
import { commandConfig, printDefaultTarget } from "../terminal/command_config.ts";
import { CommandFailure } from "../terminal/exit_codes.ts";
import { printJson } from "../terminal/output.ts";
import { OPERATED, withOwnedCluster } from "../terminal/owned_cluster.ts";
import { consumersOf } from "../terminal/selected_names.ts";

interface Options {
  readonly function: string;
  readonly json?: boolean;
}

export function cancelCommand(): Command {
  return new Command("cancel")
    .description("Make an event a dead letter of one function, `cancelled`: at once, or at its next attempt.")
    .argument("<stream>", "the event's stream", streamName)
    .argument("<sequence>", "its sequence in that stream", wholeNumber)
    .requiredOption("--function <name>", "the function that must not handle it (again)", functionName)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples("events cancel ORDERS 1200 --function capturePayment") +
        "\n\nA handler that runs is not stopped, and every process knows of it after five seconds.",
    )
    .action(cancel);
}

/** Cancels an event for one function: at once if it waits as a delayed retry, else at its next attempt. */
async function cancel(stream: string, sequence: number, options: Options): Promise<void> {
  const config = commandConfig(), { function: name, json } = options;
  printDefaultTarget(config, options);
  await withOwnedCluster(config, OPERATED, async (cluster) => {
    const { nc, jsm } = cluster, [consumers] = (await consumersOf(cluster, [name])).values();
    const own = consumers.find(({ stream_name }) => stream_name === stream && stream !== cluster.names.retries.stream);
    if (!own) {
      const names = consumers.slice(1).map(({ stream_name }) => stream_name);
      throw new CommandFailure(`${name} has no consumer on ${stream}; it has on ${names.join(", ")}`);
    }
    const service = new RetryService(cluster), which = `${sequence} of ${stream}`;
    const waiting = await service.find(name, stream, sequence);
    if (waiting?.isDelayed && await service.cancel(waiting.sequence)) {
      if (json) return printJson({ function: name, stream, sequence, cancelled: "now" });
      return console.log(`${which} is a dead letter of ${name} now: it was waiting for its next attempt`);
    }
    if (!waiting) {
      const event = await readStoredEvent(nc, stream, { seq: sequence }), filters = filtersOf(own.config);
      // A function with partitions acks an event once a partition has it, and a work queue then deletes it.
      const hasPartitions = partitionsIn(own.config.metadata) > 0;
      const isStored = event
        ? filters.length === 0 || filters.some((filter) => covers(filter, event.subject))
        : hasPartitions && await isAssigned(jsm, name, { stream, sequence }, cluster.names);
      if (!isStored) throw new CommandFailure(`${stream} stores no event for ${name} at ${sequence}`);
      if (sequence <= own.ack_floor.stream_seq && !hasPartitions) {
        throw new CommandFailure(`${name} has settled ${which} already`);
      }
    }
    await cancelEvent(jsm, consumers[0], stream, sequence);
    if (json) return printJson({ function: name, stream, sequence, cancelled: "at its next attempt" });
    console.log(`${which} becomes a dead letter of ${name} at its next attempt, unless one that runs now handles it`);
  });
}
