import { Command } from "commander";
import { wholeNumber } from "./arguments.ts";
import { tail } from "./tail.ts";

/** `events tail|record`. */
export function eventsCommand(): Command {
  const command = new Command("events").description("Watch events and what becomes of them, or record one for a test.");
  command.command("tail")
    .description("Show events as they are published, and what becomes of each, in every process there is.")
    .option("--type <pattern>", "only events of this type, or on subjects like this one, such as 'orders.>'")
    .option("--function <name>", "only what this function settles")
    .option("--limit <count>", "end after so many lines", wholeNumber)
    .option("--full", "cut nothing to fit a line")
    .option("--json", "print JSON, a line an event or outcome, with data and trace ids")
    .addHelpText(
      "after",
      "\nExamples:\n  deno task events tail\n  deno task events tail --type 'orders.>' --json | jq .data\n" +
        "  deno task events tail --function capturePayment",
    )
    .action(tail);
  return command;
}
