import { Command, Option } from "commander";
import { withCluster } from "../app/cluster.ts";
import type { Config } from "../app/config.ts";
import { DeadLetterService } from "../nats/dead_letters/service.ts";
import { NOT_REDRIVEN, showContent } from "../http/admin/dead_letter_routes.ts";
import type { DeadLetter, DeadLetterFilter } from "../core/dead_letter.ts";
import { DEAD_LETTER_REASONS } from "../core/outcome.ts";
import { duration, wholeNumber, wholeNumbers } from "./terminal/arguments.ts";
import { commandConfig, sayWhere } from "./terminal/command_config.ts";
import { CommandFailure, EXIT_CODES } from "./terminal/exit_codes.ts";
import { examples } from "./terminal/help.ts";
import { below, type Cell, printJson, type Screen, screen, shortTime, table } from "./terminal/output.ts";
import { Progress } from "./terminal/progress.ts";

interface Selection {
  readonly function?: string;
  readonly reason?: string;
  readonly type?: string;
  readonly olderThan?: number;
  readonly newerThan?: number;
  readonly limit?: number;
  readonly all?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `dead-letters list|show|redrive|discard`. */
export function deadLettersCommand(): Command {
  const command = new Command("dead-letters").description("Look at events that could not be handled, and act on them.")
    .addHelpText("after", examples("dead-letters list", "dead-letters redrive --function capturePayment --dry-run"));
  selecting(command.command("list").description("List them, oldest first."))
    .addHelpText(
      "after",
      examples("dead-letters list --function capturePayment", "dead-letters list --newer-than 1h --json"),
    )
    .action((options: Selection) => withDesk((desk) => list(desk, options)));
  command.command("show").description("Show one with its headers and its payload.")
    .argument("<sequence>", "its sequence, as `list` shows it", wholeNumber)
    .option("--json", "print JSON, which it does anyway")
    .addHelpText("after", examples("dead-letters show 7"))
    .action((which: number) => withDesk((desk) => show(desk, which)));
  selecting(command.command("redrive").description("Send them back to the function that failed, and to no other."))
    .argument("[sequences...]", "which; or select them by the options", wholeNumbers)
    .option("--all", "every one there is")
    .option("--force", "also those that were redriven three times already")
    .option("--dry-run", "only show which")
    .addHelpText(
      "after",
      examples("dead-letters redrive 7 8", "dead-letters redrive --reason attempts-exhausted --dry-run") +
        "\n\nInterrupted, run it again: what was sent is sent, the rest is still there.",
    )
    .action((which: number[], options: Selection) =>
      withDesk((desk) => act("redrive", desk, which, options), sayWhere)
    );
  selecting(command.command("discard").description("Remove them for good."))
    .argument("[sequences...]", "which; or select them by the options", wholeNumbers)
    .option("--all", "every one there is")
    .option("--dry-run", "only show which")
    .addHelpText("after", examples("dead-letters discard 7", "dead-letters discard --older-than 30d"))
    .action((which: number[], options: Selection) =>
      withDesk((desk) => act("discard", desk, which, options), sayWhere)
    );
  return command;
}

function selecting(command: Command): Command {
  return command
    .option("--function <name>", "only those of this function")
    .addOption(new Option("--reason <reason>", "only those that ended for this reason").choices(DEAD_LETTER_REASONS))
    .option("--type <type>", "only those of this event type")
    .option("--older-than <duration>", "only those that ended at least so long ago", duration)
    .option("--newer-than <duration>", "only those that ended at most so long ago", duration)
    .option("--limit <count>", "only the first so many", wholeNumber)
    .option("--json", "print JSON");
}

async function withDesk(
  run: (desk: DeadLetterService) => Promise<void>,
  before: (config: Config) => void = () => {},
): Promise<void> {
  const config = commandConfig();
  before(config);
  await withCluster(config, (cluster) => run(new DeadLetterService(cluster)));
}

async function list(desk: DeadLetterService, options: Selection): Promise<void> {
  print(await Array.fromAsync(desk.list(filterOf(options))), options);
}

function print(letters: readonly DeadLetter[], options: Selection): void {
  if (options.json) return printJson(letters);
  if (letters.length === 0) return console.log("no dead letters");
  console.log(deadLetterTable(letters, screen(), Date.now()));
}

/** For a person each with its error below it, and without what would say nothing. */
export function deadLetterTable(letters: readonly DeadLetter[], shown: Screen, nowMs: number): string {
  if (!shown.terminal) {
    const head = ["sequence", "function", "type", "reason", "attempts", "redriven", "time", "error"];
    const rows = letters.map((one) => {
      const { sequence, type, reason, attempts, redrives, time, error } = one;
      return [sequence, one.function, type, reason, attempts, redrives, time, error];
    });
    return table(head, rows, shown);
  }
  const redriven = letters.some(({ redrives }) => redrives > 0);
  const head = ["seq", "function", "type", "reason", "tries", ...(redriven ? ["redriven"] : []), "time"];
  const rows = letters.flatMap((one): Cell[][] => [
    [
      ...[one.sequence, one.function, one.type, one.reason, one.attempts],
      ...(redriven ? [one.redrives] : []),
      shortTime(one.time, nowMs, shown),
    ],
    [below(one.error, head.length, shown)],
  ]);
  return table(head, rows, shown);
}

async function show(desk: DeadLetterService, which: number): Promise<void> {
  const letter = await desk.read(which);
  if (!letter) throw new Error(`there is no dead letter ${which}`);
  printJson(showContent(letter));
}

async function act(
  what: "redrive" | "discard",
  desk: DeadLetterService,
  which: number[],
  options: Selection,
): Promise<void> {
  const filter = filterOf(options);
  const byOption = Object.keys(filter).length > 0 || options.all;
  if (which.length === 0 && !byOption) {
    const how = "name sequences, select by options such as --function, or say --all";
    throw new CommandFailure(`${what} which? ${how}`, EXIT_CODES.usage);
  }
  if (which.length > 0 && byOption) {
    const how = "name sequences or select by options, not both: options would be ignored";
    throw new CommandFailure(`${what} which? ${how}`, EXIT_CODES.usage);
  }
  if (options.dryRun) return await rehearse(desk, which, options);
  const tally: Record<string, number> = {};
  const missing: number[] = [];
  const count = (outcome: string) => tally[outcome] = (tally[outcome] ?? 0) + 1;
  if (what === "redrive" && which.length === 0) {
    const progress = new Progress("redriven");
    try {
      const all = await desk.redriveAll(filter, options.force ?? false, {
        progress: ({ redriven }) => progress.at(redriven),
        failed: (which, error) => {
          progress.end(); // else what failed would be told on its line
          failed(which, error);
        },
      });
      Object.assign(tally, all);
    } finally {
      progress.end();
    }
  } else {
    const sequences = which.length > 0 ? which : await Array.fromAsync(desk.list(filter), ({ sequence }) => sequence);
    for (const one of sequences) {
      const outcome = what === "redrive"
        ? await desk.redrive(one, options.force ?? false).catch((error) => failed(one, error))
        : await desk.discard(one)
        ? "discarded"
        : "missing";
      if (outcome === "missing") missing.push(one);
      count(outcome);
    }
  }
  const said = Object.entries(tally).filter(([, n]) => n > 0).map(([outcome, n]) => `${n} ${outcome}`).join(", ");
  console.log(options.json ? JSON.stringify(tally) : said || "nothing matched");
  for (const [outcome, why] of Object.entries(NOT_REDRIVEN)) {
    const hint = outcome === "held-back" ? ": --force insists" : "";
    if (tally[outcome]) console.error(`${outcome}: ${why}${hint}`);
  }
  if (which.length > 0 && missing.length > 0) throw new Error(`there is no dead letter ${missing.join(", ")}`);
  const left = tally["no-function"] || tally["too-large"] || tally.failed;
  if (left || which.length > 0 && tally["held-back"]) throw new Error("not all of them: see above");
}

/** Shows what would be acted on. */
async function rehearse(desk: DeadLetterService, which: number[], options: Selection): Promise<void> {
  const missing: number[] = [];
  if (which.length > 0) {
    const letters = await Promise.all(which.map((one) => desk.read(one)));
    missing.push(...which.filter((_, i) => letters[i] === undefined));
    print(
      letters.filter((letter) => letter !== undefined).map(({ payload: _, headers: __, ...letter }) => letter),
      options,
    );
  } else await list(desk, options);
  console.error("a dry run: nothing was changed");
  if (missing.length > 0) throw new Error(`there is no dead letter ${missing.join(", ")}`);
}

function failed(sequence: number, error: unknown): "failed" {
  console.error(`dead letter ${sequence}: ${error instanceof Error ? error.message : error}`);
  return "failed";
}

function filterOf(options: Selection): DeadLetterFilter {
  const { reason, type, olderThan: olderThanMs, newerThan: newerThanMs, limit } = options;
  const all = { function: options.function, reason, type, olderThanMs, newerThanMs, limit };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
