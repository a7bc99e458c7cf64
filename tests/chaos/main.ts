/**
 * `deno task chaos`: Weir's own processes under load, while they, their broker and its leaders are killed, stopped and
 * restarted. At the end every event is accounted for; a broken bar makes the run fail, and prints the seed to have
 * the same choices again.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { Dice } from "./dice.ts";
import { killLiving } from "./replicas.ts";
import { printReport, toJson } from "./report.ts";
import { broker } from "./scenarios/broker.ts";
import { cluster } from "./scenarios/cluster.ts";
import { kills } from "./scenarios/kills.ts";
import { memory } from "./scenarios/memory.ts";
import { delayed } from "./scenarios/delayed.ts";
import { redrive } from "./scenarios/redrive.ts";
import type { Scenario, Section } from "./section.ts";

/** Those that share the load of `--events`, in the proportion of their own sizes. */
const TRIALS = [kills, broker, cluster];
const SCENARIOS: readonly Scenario[] = [...TRIALS, delayed, redrive, memory];
const INTERRUPTED = 130;

interface Options {
  readonly only?: string;
  readonly events?: number;
  readonly seed: number;
  readonly json?: boolean;
}

const command = new Command("chaos")
  .description("Kills, stops and restarts runtimes and brokers under load, and accounts for every event.")
  .addOption(new Option("--only <scenario>", "run one alone").choices(SCENARIOS.map(({ name }) => name)))
  .option("--events <count>", "so many: of the trials together, or of the one run alone", whole)
  .option("--seed <number>", "choose victims and lengths as a run with this seed did", whole, Date.now() % 1_000_000)
  .option("--json", "print JSON")
  .addHelpText(
    "after",
    `\nScenarios:\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(9)}${about}`).join("\n")}`,
  );

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    killLiving();
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
  const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${scenario.name}: ${line}`);
  try {
    sections.push(await scenario.run({ events: share, dice: new Dice(seed), say }));
  } catch (error) { // what the others found is worth its time
    console.error(error);
    sections.push({ name: scenario.name, figures: {}, broken: [`it ended with ${error}`] });
  }
}
if (json) console.log(toJson(sections, seed));
else printReport(sections, seed);
Deno.exit(sections.some(({ broken }) => broken.length > 0) ? 1 : 0);

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("it must be a whole number");
  return Number(text);
}
