/**
 * `deno task bench` compares Weir with loops written by hand, on the same client and server at the same time. Ratios
 * and their spread carry over to other machines, figures do not. Lost or repeated events fail the run; a limit that is
 * not met is only reported.
 */
import { Command, InvalidArgumentError } from "commander";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../runtime/nats_server/server.ts";
import { toSvg } from "./chart.ts";
import { type Collector, startCollector } from "./collector_process.ts";
import { HANDLERS } from "./contestants/task.ts";
import { Noise } from "./noise.ts";
import { killRunning } from "./process.ts";
import { machineOf, type Report, toText } from "./report.ts";
import { type ContestantKind, CONTESTANTS } from "./run.ts";
import type { Scenario, Section } from "./scenario.ts";
import { drain } from "./scenarios/drain.ts";
import { fairness } from "./scenarios/fairness.ts";
import { fanOut } from "./scenarios/fan_out.ts";
import { features } from "./scenarios/features.ts";
import { flow } from "./scenarios/flow.ts";
import { ingress } from "./scenarios/ingress.ts";
import { long } from "./scenarios/long.ts";
import { start } from "./scenarios/start.ts";

const SCENARIOS: readonly Scenario[] = [drain, flow, ingress, fanOut, fairness, features, long, start];
const QUICK = { rounds: 1, events: 5_000 };
const INTERRUPTED = 130;

interface Options {
  readonly rounds?: number;
  readonly events?: number;
  readonly traces?: string;
  readonly handler?: readonly (typeof HANDLERS[number])[];
  readonly contestants?: readonly ContestantKind[];
  readonly onlyBars?: boolean;
  readonly out: string;
  readonly json?: boolean;
  readonly quick?: boolean;
}

const command = new Command("bench")
  .description("Measures Weir beside loops written by hand: ratios, their spread, and the bars they are held against.")
  .argument("[scenario...]", "scenarios to run (default: all)", (name: string, before: string[] = []) => {
    if (SCENARIOS.every((scenario) => scenario.name !== name)) {
      throw new InvalidArgumentError(`there are: ${SCENARIOS.map(({ name }) => name).join(", ")}`);
    }
    return [...before, name];
  })
  .option("--rounds <count>", "rounds, in each of which every contestant runs once (default: 5)", whole)
  .option("--events <count>", "size of drain's backlog, to which the others are in proportion (default: 100000)", whole)
  .option("--traces <ratio>", "ratio of traces to export, 0 to 1 (default: each scenario's own)", ratio)
  .option("--handler <shapes>", `handlers of drain, of ${HANDLERS.join(", ")} (default: all)`, listOf(HANDLERS))
  .option(
    "--contestants <kinds>",
    `contestants of drain beside bare, of ${CONTESTANTS.join(", ")}`,
    listOf(CONTESTANTS),
  )
  .option("--only-bars", "leave out contestants and handlers that no bar needs")
  .option("--json", "print JSON")
  .option("--out <folder>", "folder of the report and the chart", ".bench")
  .option("--quick", "one round of 5000 events, to test the bench itself")
  .addHelpText(
    "after",
    `\nScenarios:\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(9)}${about}`).join("\n")}\n
Examples:
  deno task bench
  deno task bench drain --rounds 3 --handler async --traces 0 --contestants weir
  deno task bench drain flow ingress fan-out long start --only-bars
  deno task bench flow ingress --json > figures.json`,
  );

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    killRunning();
    Deno.exit(INTERRUPTED);
  });
}
command.parse(Deno.args, { from: "user" });
const { rounds, events, traces, handler: handlers, contestants, onlyBars, out, json, quick } = command.opts<Options>();
const names: readonly string[] = command.processedArgs[0] ?? [];
const terminal = Deno.stderr.isTerminal();
const sections: Section[] = [];
const sizes = { rounds: rounds ?? (quick ? QUICK.rounds : 5), events: events ?? (quick ? QUICK.events : 100_000) };
const [loadBefore] = Deno.loadavg(), noise = new Noise();
let version = "";
{
  await using collector = await startCollector();
  for (const scenario of SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    try {
      const section = await run(scenario, collector);
      sections.push(quick ? unjudged(section) : section);
    } catch (error) { // the results of the other scenarios are still reported
      const broken = [`it failed: ${error instanceof Error ? error.stack : error}`];
      sections.push({ name: scenario.name, about: scenario.about, rows: [], ratios: [], broken });
    }
  }
  show("");
}
const report: Report = {
  at: new Date().toISOString(),
  machine: machineOf(version, loadBefore),
  noise: noise.toString(),
  rounds: sizes.rounds,
  sections,
};
await Deno.mkdir(out, { recursive: true });
await Deno.writeTextFile(`${out}/bench.json`, JSON.stringify(report, undefined, 2) + "\n");
await Deno.writeTextFile(`${out}/bench.svg`, toSvg(sections, report.machine));
console.log(json ? JSON.stringify(report) : `${toText(report)}\n\nalso in ${out}: bench.json, bench.svg`);
Deno.exit(sections.some(({ broken }) => broken.length > 0) ? 1 : 0);

/** Runs a scenario on a server of its own, so that scenarios do not affect each other. */
async function run(scenario: Scenario, collector: Collector): Promise<Section> {
  await using server = await startServer();
  version = server.version;
  const nc = await connect({ servers: server.url });
  const progress = (what: string) => {
    noise.sample(); // between two runs
    show(`${scenario.name}: ${what}`);
  };
  try {
    const chosen = { traces, handlers, contestants, onlyBars };
    return await scenario.run({ server, nc, collector, ...sizes, ...chosen, progress });
  } finally {
    await nc.close();
  }
}

/** Removes the limits from a section: they mean nothing for few events. */
function unjudged(section: Section): Section {
  const free = <One extends { readonly bar?: unknown }>(all: readonly One[]) =>
    all.map((one) => ({ ...one, bar: undefined }));
  return { ...section, ratios: free(section.ratios), aims: free(section.aims ?? []) };
}

/** Replaces the progress line, on a terminal. */
function show(line: string): void {
  if (terminal) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new InvalidArgumentError("it must be a whole number above 0");
  return Number(text);
}

/** Returns a parser of names with commas between them. */
function listOf<Name extends string>(all: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    text.split(",").map((given) => {
      const name = all.find((name) => name === given);
      if (!name) throw new InvalidArgumentError(`${JSON.stringify(given)} is none of: ${all.join(", ")}`);
      return name;
    });
}

function ratio(text: string): string {
  if (!/^(0(\.\d+)?|1(\.0+)?)$/.test(text)) throw new InvalidArgumentError("it must be between 0 and 1, such as 0.1");
  return text;
}
