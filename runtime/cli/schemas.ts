import { Command, InvalidArgumentError } from "commander";
import { DURATION_HELP, parseDuration } from "../core/duration.ts";
import { check } from "./schemas/check.ts";
import { release, RELEASED_FILE } from "./schemas/release.ts";
import { verify } from "./schemas/verify.ts";
import { examples, subjectPattern, wholeNumber } from "./terminal/command_line.ts";

/** Samples of a refusal that `verify` shows for each type. */
const SAMPLES = 3;

export function schemasCommand(): Command {
  const command = new Command("schemas").description(
    "Compare the schemas of events with those of the last release, and with the events that are stored.",
  )
    .addHelpText("after", examples("schemas check", "schemas verify --since 24h", "schemas release"));
  command.command("check")
    .description(
      `Compare with ${RELEASED_FILE}: which changes are safe, and which break stored events, publishers or consumers.`,
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `${examples("schemas check")}\n\nIt exits with 1 if a change breaks any of them without a new \`version\`.`,
    )
    .action(check);
  command.command("release")
    .description(`Write ${RELEASED_FILE}, with which \`check\` compares. Commit it with the release.`)
    .option("--force", "also if `check` refuses a change")
    .option("--json", "print JSON")
    .addHelpText("after", examples("schemas release"))
    .action(release);
  command.command("verify")
    .description(
      "Run the schemas over the events that are stored, and count those that they refuse. It changes nothing.",
    )
    .option("--since <time>", "events stored since this long ago, or since this time (default: 24h)", since)
    .option("--type <pattern>", "only events of this type, or of a pattern such as 'orders.>'", subjectPattern)
    .option("--samples <count>", "refused events to show for each type", wholeNumber, SAMPLES)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `${examples("schemas verify --since 24h", "schemas verify --since 7d --type 'orders.>' --json")}

It reads the streams, and the delayed retries and dead letters that may be handled again, of any age. It exits
with 1 if the schemas refuse one. Run it with the new schemas, before a deploy.`,
    )
    .action(verify);
  return command;
}

/** Parses a time, or a time ago, into milliseconds since 1970. */
function since(text: string): number {
  const agoMs = parseDuration(text);
  const timeMs = agoMs === undefined && /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (agoMs !== undefined && !/^\d+$/.test(text)) return Date.now() - agoMs;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new InvalidArgumentError(`It must be a time such as 2026-11-21T10:00:00Z, or ${DURATION_HELP}`);
}
