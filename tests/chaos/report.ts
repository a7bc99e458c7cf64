import Table from "cli-table3";
import type { Gap } from "./gaps.ts";
import type { Section } from "./section.ts";
import type { Verdict } from "./trial.ts";

const PLAIN = { style: { head: [], border: [] } };
const REPEATS_SHOWN = 3;

/** Prints the results as tables. */
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
    broken.length === 0 ? "\nEvery bar is met." : `\nBroken, with the seed ${seed}:\n  ${broken.join("\n  ")}`,
  );
}

/** Returns the results as JSON. Times are milliseconds of the clock in which `startedAtMs` is given. */
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
    const lasted = group.map(({ fault }) => fault.overMs - fault.atMs);
    table.push([
      kind,
      ms.length,
      shown(ms[Math.floor(ms.length / 2)]),
      shown(ms.at(-1)!),
      barRange(group),
      `${shown(Math.min(...lasted))} to ${shown(Math.max(...lasted))}`,
    ]);
  }
  return table.toString();
}

/** Prints repeated effects by the fault that explains them. Those without one come first, in full. */
function printRepeats({ account: { repeats }, startedAtMs }: Verdict): void {
  if (repeats.length === 0) return;
  const at = (ms: number) => `${((ms - startedAtMs) / 1_000).toFixed(2)} s`;
  console.log(`repeated effects: ${repeats.length}`);
  const groups = [...Map.groupBy(repeats, ({ because }) => because)];
  for (const [fault, group] of groups.toSorted(([one], [other]) => (one?.atMs ?? 0) - (other?.atMs ?? 0))) {
    const cause = fault &&
      `${fault.kind} of ${fault.target} (pid ${fault.pid}), ${at(fault.atMs)} to ${at(fault.overMs)}`;
    console.log(`  ${cause ?? "NOT EXPLAINED"}: ${group.length}`);
    for (const { first, again } of group.slice(0, fault ? REPEATS_SHOWN : undefined)) {
      const once = `${first.fn} ${first.n} at ${at(first.atMs)} by pid ${first.pid}`;
      console.log(`    ${once}, again at ${at(again.atMs)} by pid ${again.pid} (attempt ${again.attempt})`);
    }
    if (fault && group.length > REPEATS_SHOWN) {
      console.log(`    … and ${group.length - REPEATS_SHOWN} more: see --json`);
    }
  }
}

/** Returns the range of the bars. That of a killed leader depends on its election. */
function barRange(gaps: readonly Gap[]): string {
  const bars = gaps.flatMap(({ barMs }) => barMs === undefined ? [] : [barMs]);
  if (bars.length === 0) return "";
  const least = shown(Math.min(...bars)), most = shown(Math.max(...bars));
  return least === most ? least : `${least} to ${most}`;
}

function shown(value: number | string): string {
  return typeof value === "string" ? value : Math.round(value).toLocaleString("en");
}
