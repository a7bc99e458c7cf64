import { Command, Option } from "commander";
import { examples, functionName, streamName, subjectPattern, wholeNumber } from "./terminal/command_line.ts";
import { cancelCommand } from "./events/cancel.ts";
import { moveCommand } from "./events/move.ts";
import { record } from "./events/record.ts";
import { tail } from "./events/tail.ts";

export function eventsCommand(): Command {
  const command = new Command("events").description(
    "Watch events and their outcomes live, cancel or move some, or record one for a test.",
  )
    .addHelpText("after", examples("events tail", "events record orders.created --out tests/fixtures/order.json"));
  command.command("tail")
    .description(
      "Show events as they are published, and the outcome of each in every running process. `repeated`: same id, stored once.",
    )
    .option(
      "--type <pattern>",
      "only events of this type, or on subjects that match a pattern such as 'orders.>'",
      subjectPattern,
    )
    .option("--function <name>", "only outcomes of this function", functionName)
    .option("--limit <count>", "end after this many lines", wholeNumber)
    .option("--full", "do not shorten lines")
    .option("--json", "print each event and outcome as a line of JSON, with data and trace ids")
    .addHelpText(
      "after",
      examples(
        "events tail",
        "events tail --type 'orders.>' --json | jq .data",
        "events tail --function capturePayment",
      ),
    )
    .action(tail);
  command.addCommand(cancelCommand());
  command.addCommand(moveCommand());
  command.command("record")
    .description("Copy an event from its stream, or from the dead letters, for a test to replay.")
    .argument("[type]", "the event's type, or a subject pattern")
    .option("--last", "the last event of that type (default)")
    .addOption(new Option("--id <id>", "the last event of that type with this id").conflicts(["last", "sequence"]))
    .addOption(
      new Option("--sequence <number>", "the event with this sequence in its stream")
        .argParser(wholeNumber).conflicts(["last", "id"]),
    )
    .option("--stream <name>", "the event's stream, if several store its type", streamName)
    .addOption(
      new Option("--dead-letter <sequence>", "the original event of this dead letter")
        .argParser(wholeNumber).conflicts(["last", "id", "sequence", "stream"]),
    )
    .option("--out <file>", "write to this file (default: standard output)")
    .option(
      "--redact <paths...>",
      'replace these paths of its data, such as email or items.*.name, by "[redacted]" or a valid value',
    )
    .option("--force", "overwrite an existing file")
    .option("--json", "print JSON, which is the only format")
    .addHelpText(
      "after",
      examples(
        "events record orders.created --redact customer.email --out tests/fixtures/order.json",
        "events record --dead-letter 7 --out tests/fixtures/broken.json",
      ) + '\n\nA test reads it: const event = await loadEvent("tests/fixtures/order.json"), from "weir/testing".',
    )
    .action(record);
  return command;
}
