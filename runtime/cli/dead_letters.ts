import { Command } from "commander";
import { withCluster } from "../app/cluster.ts";
import type { Config } from "../app/config.ts";
import { DeadLetterService } from "../nats/dead_letters/service.ts";
import { act } from "./dead_letters/act.ts";
import { list, type Selection, selectionOptions, show } from "./dead_letters/list.ts";
import { wholeNumber, wholeNumbers } from "./terminal/arguments.ts";
import { commandConfig, printDefaultTarget } from "./terminal/command_config.ts";
import { examples } from "./terminal/help.ts";

/** Builds the commands `dead-letters list|show|redrive|discard`. */
export function deadLettersCommand(): Command {
  const command = new Command("dead-letters").description("List, show, redrive or discard dead letters.")
    .addHelpText("after", examples("dead-letters list", "dead-letters redrive --function capturePayment --dry-run"));
  selectionOptions(command.command("list").description("List dead letters, oldest first."))
    .addHelpText(
      "after",
      examples("dead-letters list --function capturePayment", "dead-letters list --newer-than 1h --json"),
    )
    .action((options: Selection) => withService((service) => list(service, options)));
  command.command("show").description("Show one dead letter with its headers and its payload.")
    .argument("<sequence>", "its sequence, from `list`", wholeNumber)
    .option("--json", "print JSON, which is the only format")
    .addHelpText("after", examples("dead-letters show 7"))
    .action((sequence: number) => withService((service) => show(service, sequence)));
  selectionOptions(
    command.command("redrive").description("Send events back to the function that failed, and no other."),
  )
    .argument("[sequences...]", "sequences from `list`; or select by options", wholeNumbers)
    .option("--all", "select all dead letters")
    .option("--force", "redrive also events that were redriven three times already")
    .option("--dry-run", "only show what would be redriven")
    .addHelpText(
      "after",
      examples("dead-letters redrive 7 8", "dead-letters redrive --reason attempts-exhausted --dry-run") +
        "\n\nAfter an interruption, run it again: only the dead letters that remain are redriven.",
    )
    .action((sequences: number[], options: Selection) =>
      withService((service) => act("redrive", service, sequences, options), printDefaultTarget)
    );
  selectionOptions(command.command("discard").description("Delete dead letters for good."))
    .argument("[sequences...]", "sequences from `list`; or select by options", wholeNumbers)
    .option("--all", "select all dead letters")
    .option("--dry-run", "only show what would be deleted")
    .addHelpText("after", examples("dead-letters discard 7", "dead-letters discard --older-than 30d"))
    .action((sequences: number[], options: Selection) =>
      withService((service) => act("discard", service, sequences, options), printDefaultTarget)
    );
  return command;
}

async function withService(
  run: (service: DeadLetterService) => Promise<void>,
  before: (config: Config) => void = () => {},
): Promise<void> {
  const config = commandConfig();
  before(config);
  await withCluster(config, (cluster) => run(new DeadLetterService(cluster)));
}
