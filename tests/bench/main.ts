/**
 * `deno task bench`: Weir beside the loops one would write by hand, on the same client, the same server and in the same
 * minutes. Figures of one machine say little about another: the ratios and their spread are what counts. A bar that is
 * not met is said and fails nothing; events that are lost or come twice make the run fail.
 */
import { Command, InvalidArgumentError } from "commander";
import { connect } from "@nats-io/transport-node";
import { startServer } from "../../runtime/nats_server/server.ts";
import { toSvg } from "./chart.ts";
import { type Collector, startCollector } from "./collecting.ts";
import { killLiving } from "./process.ts";
import { machineOf, type Report, toText } from "./report.ts";
import type { Scenario, Section } from "./scenario.ts";
import { drain } from "./scenarios/drain.ts";
import { fanOut } from "./scenarios/fan_out.ts";
import { flow } from "./scenarios/flow.ts";
import { ingress } from "./scenarios/ingress.ts";
import { long } from "./scenarios/long.ts";
import { start } from "./scenarios/start.ts";

const SCENARIOS: readonly Scenario[] = [drain, flow, ingress, fanOut, long, start];
const QUICK = { rounds: 1, events: 5_000 };
const INTERRUPTED = 130;

interface Options {
  readonly rounds?: number;
  readonly events?: number;
  readonly traces?: string;
  readonly out: string;
  readonly json?: boolean;
  readonly quick?: boolean;
}

const command = new Command("bench")
  .description("Measures Weir beside loops written by hand: ratios, their spread, and the bars they are held against.")
  .argument("[scenario...]", "which ones; all unless given", (name: string, before: string[] = []) => {
    if (SCENARIOS.every((scenario) => scenario.name !== name)) {
      throw new InvalidArgumentError(`there are: ${SCENARIOS.map(({ name }) => name).join(", ")}`);
    }
    return [...before, name];
  })
  .option("--rounds <count>", "how often all take turns: 5 unless given", whole)
  .option("--events <count>", "the backlog of drain, 100000 unless given; the others in proportion", whole)
  .option("--traces <ratio>", "export so much of traces, 0 to 1, in place of 0.1 and 1", ratio)
  .option("--json", "print JSON")
  .option("--out <folder>", "where the report and the chart are written", ".bench")
  .option("--quick", "one round of 5000 events: whether it works, not how fast")
  .addHelpText(
    "after",
    `\nScenarios:\n${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(9)}${about}`).join("\n")}\n
Examples:
  deno task bench
  deno task bench drain --rounds 3 --traces 0.1
  deno task bench flow ingress --json > figures.json`,
  );

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    killLiving();
    Deno.exit(INTERRUPTED);
  });
}
command.parse(Deno.args, { from: "user" });
const { rounds, events, traces, out, json, quick } = command.opts<Options>();
const names: readonly string[] = command.processedArgs[0] ?? [];
const terminal = Deno.stderr.isTerminal();
const sections: Section[] = [];
const sizes = { rounds: rounds ?? (quick ? QUICK.rounds : 5), events: events ?? (quick ? QUICK.events : 100_000) };
const [loadBefore] = Deno.loadavg();
let version = "";
{
  await using collector = await startCollector();
  for (const scenario of SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    try {
      const section = await run(scenario, collector);
      sections.push(quick ? unjudged(section) : section);
    } catch (error) { // what the others found is worth its time
      const broken = [`it ended with ${error instanceof Error ? error.stack : error}`];
      sections.push({ name: scenario.name, about: scenario.about, rows: [], ratios: [], broken });
    }
  }
  show("");
}
const report: Report = {
  at: new Date().toISOString(),
  machine: machineOf(version, loadBefore),
  rounds: sizes.rounds,
  sections,
};
await Deno.mkdir(out, { recursive: true });
await Deno.writeTextFile(`${out}/bench.json`, JSON.stringify(report, undefined, 2) + "\n");
await Deno.writeTextFile(`${out}/bench.svg`, toSvg(sections, report.machine));
console.log(json ? JSON.stringify(report) : `${toText(report)}\n\nalso in ${out}: bench.json, bench.svg`);
Deno.exit(sections.some(({ broken }) => broken.length > 0) ? 1 : 0);

/** Runs a scenario on a server of its own: what one leaves there is in nobody's way. */
async function run(scenario: Scenario, collector: Collector): Promise<Section> {
  await using server = await startServer();
  version = server.version;
  const nc = await connect({ servers: server.url });
  const progress = (what: string) => show(`${scenario.name}: ${what}`);
  try {
    return await scenario.run({ server, nc, collector, ...sizes, traces, progress });
  } finally {
    await nc.close();
  }
}

/** Of so few events nothing can be said of how fast they are. */
function unjudged(section: Section): Section {
  const free = <One extends { readonly bar?: unknown }>(all: readonly One[]) =>
    all.map((one) => ({ ...one, bar: undefined }));
  return { ...section, ratios: free(section.ratios), aims: free(section.aims ?? []) };
}

/** One line, in place of the one before: a log file would get nothing from it. */
function show(line: string): void {
  if (terminal) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new InvalidArgumentError("it must be a whole number above 0");
  return Number(text);
}

function ratio(text: string): string {
  if (!/^(0(\.\d+)?|1(\.0+)?)$/.test(text)) throw new InvalidArgumentError("it must be between 0 and 1, such as 0.1");
  return text;
}
