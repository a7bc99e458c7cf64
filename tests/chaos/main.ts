/**
 * `deno task chaos` runs Weir under load while runtimes, nats-servers and cluster leaders are killed, stopped and
 * restarted. At the end it accounts for every event. A broken bar fails the run and prints the seed that repeats it.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { Random } from "../support/random.ts";
import { killRunning } from "./replicas.ts";
import { printReport, toJson } from "./report.ts";
import { server } from "./scenarios/server.ts";
import { cluster } from "./scenarios/cluster.ts";
import { kills } from "./scenarios/kills.ts";
import { memory } from "./scenarios/memory.ts";
import { order, partitions } from "./scenarios/order.ts";
import { delayed } from "./scenarios/delayed.ts";
import { rolling } from "./scenarios/rolling.ts";
import { redrive } from "./scenarios/redrive.ts";
import type { Scenario, Section } from "./section.ts";

/** Scenarios that share the load of `--events`, in proportion to their default sizes. */
const TRIALS = [kills, server, cluster];
const SCENARIOS: readonly Scenario[] = [...TRIALS, delayed, redrive, rolling, memory, order, partitions];
const INTERRUPTED = 130;

interface Options {
  readonly only?: string;
  readonly events?: number;
  readonly seed: number;
  readonly json?: boolean;
}

const command = new Command("chaos")
  .description("Kills, stops and restarts runtimes and nats-servers under load, and accounts for every event.")
  .addOption(new Option("--only <scenario>", "run one scenario").choices(SCENARIOS.map(({ name }) => name)))
  .option("--events <count>", "events of all trials together, or of the scenario of --only", whole)
  .option("--seed <number>", "repeat the random choices of a run", whole, Date.now() % 1_000_000)
  .option("--json", "print JSON")
  .addHelpText(
    "after",
    `\nScenarios:\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(11)}${about}`).join("\n")}`,
  );

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    killRunning();
    Deno.exit(INTERRUPTED);
  });
}
command.parse(Deno.args, { from: "user" });
const { only, events, seed, json } = command.opts<Options>();
const together = TRIALS.reduce((sum, trial) => sum + trial.events, 0);
const sections: Section[] = [];
for (const scenario of SCENARIOS.filter(({ name }) => only === undefined || name === only)) {
  const share = only === undefined && events !== undefined && TRIALS.includes(scenario)
    ? Math.round(events * scenario.events / together)
    : (only !== undefined && events) || scenario.events;
  const progress = (line: string) =>
    console.error(`${new Date().toISOString().slice(11, 19)} ${scenario.name}: ${line}`);
  try {
    sections.push(await scenario.run({ events: share, random: new Random(seed), progress }));
  } catch (error) { // the results of the other scenarios are still reported
    console.error(error);
    sections.push({ name: scenario.name, figures: {}, broken: [`it failed: ${error}`] });
  }
}
if (json) console.log(toJson(sections, seed));
else printReport(sections, seed);
Deno.exit(sections.some(({ broken }) => broken.length > 0) ? 1 : 0);

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("it must be a whole number");
  return Number(text);
}
