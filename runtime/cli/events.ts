import { Command, Option } from "commander";
import { wholeNumber } from "./terminal/arguments.ts";
import { examples } from "./terminal/help.ts";
import { record } from "./events/record.ts";
import { tail } from "./events/tail.ts";

/** `events tail|record`. */
export function eventsCommand(): Command {
  const command = new Command("events").description("Watch events and what becomes of them, or record one for a test.")
    .addHelpText("after", examples("events tail", "events record orders.created --out tests/fixtures/order.json"));
  command.command("tail")
    .description("Show events as they are published, and what becomes of each, in every process there is.")
    .option("--type <pattern>", "only events of this type, or on subjects like this one, such as 'orders.>'")
    .option("--function <name>", "only what this function settles")
    .option("--limit <count>", "end after so many lines", wholeNumber)
    .option("--full", "cut nothing to fit a line")
    .option("--json", "print JSON, a line an event or outcome, with data and trace ids")
    .addHelpText(
      "after",
      examples(
        "events tail",
        "events tail --type 'orders.>' --json | jq .data",
        "events tail --function capturePayment",
      ),
    )
    .action(tail);
  command.command("record")
    .description("Take an event out of its stream, or out of the dead letters, for a test to replay.")
    .argument("[type]", "its type, or a pattern of subjects")
    .option("--last", "the last of that type (the default)")
    .addOption(new Option("--id <id>", "the last of that type with this id").conflicts(["last", "sequence"]))
    .addOption(which("--sequence <number>", "the one at this place of its stream").conflicts(["last", "id"]))
    .option("--stream <name>", "the stream it is in, where several store its type")
    .addOption(
      which("--dead-letter <sequence>", "the event of this dead letter, as it was").conflicts(
        ["last", "id", "sequence", "stream"],
      ),
    )
    .option("--out <file>", "where to write it; standard output otherwise")
    .option(
      "--redact <paths...>",
      'paths in its JSON to write as "[redacted]", or as what its schema takes: email, items.*.name',
    )
    .option("--force", "write over a file that is there")
    .option("--json", "print JSON, which it does anyway")
    .addHelpText(
      "after",
      examples(
        "events record orders.created --redact customer.email --out tests/fixtures/order.json",
        "events record --dead-letter 7 --out tests/fixtures/broken.json",
      ) + '\n\nA test reads it: const event = await recorded("tests/fixtures/order.json"), from "weir/testing".',
    )
    .action(record);
  return command;
}

function which(flags: string, description: string): Option {
  return new Option(flags, description).argParser(wholeNumber);
}
