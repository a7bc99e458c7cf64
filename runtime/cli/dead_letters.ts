import { Command } from "commander";
import type { Config } from "../app/config.ts";
import { DeadLetterService } from "../nats/dead_letters/service.ts";
import { groups } from "./dead_letters/groups.ts";
import { redriveOrDiscard } from "./dead_letters/redrive_or_discard.ts";
import { deadLetterOptions, list, type Selection, show } from "./dead_letters/list.ts";
import { examples, wholeNumber, wholeNumbers } from "./terminal/command_line.ts";
import { commandConfig, printDefaultTarget } from "./terminal/command_config.ts";
import { OPERATED, withOwnedCluster } from "./terminal/owned_cluster.ts";
import { declaresFunction } from "./terminal/selected_names.ts";

export function deadLettersCommand(): Command {
  const command = new Command("dead-letters").description("List, group, show, redrive or discard dead letters.")
    .addHelpText("after", examples("dead-letters list", "dead-letters redrive --function capturePayment --dry-run"));
  deadLetterOptions(command.command("list").description("List dead letters, oldest first."))
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
  deadLetterOptions(command.command("groups").description("Count dead letters by cause, the most frequent first."))
    .addHelpText(
      "after",
      examples("dead-letters groups", "dead-letters redrive --error 1f3a9c0b2e --dry-run") +
        "\n\nA group has one function, type and reason, and errors that differ only in numbers, ids and quoted texts.",
    )
    .action((options: Selection) => withService((service) => groups(service, options)));
  const acting = (action: "redrive" | "discard", description: string) =>
    deadLetterOptions(command.command(action).description(description))
      .argument("[sequences...]", "sequences from `list`; or select by options", wholeNumbers)
      .option("--all", "select all dead letters")
      .option("--dry-run", "only show the dead letters that would be affected")
      .action((sequences: number[], options: Selection) =>
        withService(
          (service) => redriveOrDiscard(action, service, sequences, options),
          (config) => printDefaultTarget(config, options),
        )
      );
  acting("redrive", "Send events back to the function that failed, and no other.")
    .option(
      "--force",
      "redrive also events that were redriven three times already, or wait behind another of their key",
    )
    .addHelpText(
      "after",
      examples("dead-letters redrive 7 8", "dead-letters redrive --reason attempts-exhausted --dry-run") +
        "\n\nAfter an interruption, run it again: only the dead letters that remain are redriven.",
    );
  acting("discard", "Delete dead letters for good.")
    .addHelpText("after", examples("dead-letters discard 7", "dead-letters discard --older-than 30d"));
  return command;
}

async function withService(
  run: (service: DeadLetterService) => Promise<void>,
  before: (config: Config) => void = () => {},
): Promise<void> {
  const config = commandConfig();
  before(config);
  await withOwnedCluster(config, OPERATED, (cluster) => run(new DeadLetterService(cluster, declaresFunction)));
}
