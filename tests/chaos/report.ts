import Table from "cli-table3";
import type { Gap } from "./gaps.ts";
import type { Section } from "./section.ts";
import type { Verdict } from "./trial.ts";

const PLAIN = { style: { head: [], border: [] } };
const REPEATS_SHOWN = 20;

/** The whole run, for people. */
export function printReport(sections: readonly Section[], seed: number): void {
  const trials = sections.filter(({ verdict }) => verdict !== undefined);
  if (trials.length > 0) console.log(summary(trials));
  for (const { name, verdict } of trials) {
    console.log(`\n${name}: the longest time without an effect, in ms`);
    console.log(gapTable(verdict!.gaps));
    printRepeats(verdict!);
  }
  for (const { name, figures } of sections.filter(({ verdict }) => verdict === undefined)) {
    console.log(`\n${name}`);
    const table = new Table(PLAIN);
    for (const [what, value] of Object.entries(figures)) table.push([what, shown(value)]);
    console.log(table.toString());
  }
  const broken = sections.flatMap(({ name, broken }) => broken.map((bar) => `${name}: ${bar}`));
  console.log(
    broken.length === 0 ? "\nEvery bar is held." : `\nBroken, with the seed ${seed}:\n  ${broken.join("\n  ")}`,
  );
}

/** The same for programs: times are milliseconds from the start of each scenario's load. */
export function toJson(sections: readonly Section[], seed: number): string {
  return JSON.stringify({
    seed,
    broken: sections.flatMap(({ name, broken }) => broken.map((bar) => `${name}: ${bar}`)),
    scenarios: sections.map(({ name, figures, verdict }) => ({
      name,
      figures,
      ...(verdict && {
        account: verdict.account,
        faults: verdict.faults,
        gaps: verdict.gaps.map(({ fault: { kind, target }, ms, barMs }) => ({ kind, target, ms, barMs })),
        startedAtMs: verdict.startedAtMs,
      }),
    })),
  });
}

function summary(trials: readonly Section[]): string {
  const table = new Table({ head: ["", ...trials.map(({ name }) => name), "all"], ...PLAIN });
  for (const what of Object.keys(trials[0].figures)) {
    const values = trials.map(({ figures }) => Number(figures[what]));
    table.push([what, ...values.map(shown), shown(values.reduce((sum, value) => sum + value, 0))]);
  }
  return table.toString();
}

function gapTable(gaps: readonly Gap[]): string {
  const table = new Table({ head: ["after", "times", "median", "longest", "bar", "fault lasted"], ...PLAIN });
  for (const [kind, group] of Map.groupBy(gaps, ({ fault }) => fault.kind)) {
    const ms = group.map((gap) => gap.ms).toSorted((a, b) => a - b);
    const bar = group[0].barMs === undefined ? "" : shown(Math.min(...group.map(({ barMs }) => barMs!)));
    const lasted = group.map(({ fault }) => fault.overMs - fault.atMs);
    table.push([
      kind,
      ms.length,
      shown(ms[Math.floor(ms.length / 2)]),
      shown(ms.at(-1)!),
      bar,
      `${shown(Math.min(...lasted))} to ${shown(Math.max(...lasted))}`,
    ]);
  }
  return table.toString();
}

function printRepeats({ account: { repeats }, startedAtMs }: Verdict): void {
  if (repeats.length === 0) return;
  const at = (ms: number) => `${((ms - startedAtMs) / 1_000).toFixed(2)} s`;
  console.log(`repeated effects: ${repeats.length}`);
  for (const { first, again, because } of repeats.slice(0, REPEATS_SHOWN)) {
    const why = because
      ? `${because.kind} of ${because.target} (pid ${because.pid}) at ${at(because.atMs)} to ${at(because.overMs)}`
      : "NOT EXPLAINED";
    console.log(
      `  ${first.fn} ${first.n}: at ${at(first.atMs)} by pid ${first.pid}, again at ${
        at(again.atMs)
      } by pid ${again.pid}` +
        ` (attempt ${again.attempt}): ${why}`,
    );
  }
  if (repeats.length > REPEATS_SHOWN) console.log(`  … and ${repeats.length - REPEATS_SHOWN} more: see --json`);
}

function shown(value: number | string): string {
  return typeof value === "string" ? value : Math.round(value).toLocaleString("en");
}
