import Table from "cli-table3";
import type { Spread } from "./rounds.ts";
import { type Bar, isMet, type Section } from "./scenario.ts";

const PLAIN = { style: { head: [], border: [], compact: true } };

/** The results, and the machine. */
export interface Report {
  readonly at: string;
  readonly machine: string;
  /** How evenly the machine ran meanwhile. */
  readonly noise: string;
  readonly rounds: number;
  readonly sections: readonly Section[];
}

/** Returns the report as text: a table for each scenario, then each figure with its limit. */
export function toText({ machine, noise, rounds, sections }: Report): string {
  const lines = [`${machine}; medians of ${rounds} interleaved rounds`, noise];
  for (const { name, about, rows, ratios, aims = [], broken } of sections) {
    lines.push("", `${name}: ${about}`);
    const columns = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
    const table = new Table({
      head: ["", ...columns],
      colAligns: ["left", ...columns.map(() => "right" as const)],
      ...PLAIN,
    });
    for (const row of rows) table.push([row.name, ...columns.map((column) => middle(row.figures[column]))]);
    lines.push(table.toString());
    const bars = new Table({ head: ["", "median", "least to most", "wanted", ""], ...PLAIN });
    for (const { what, value, bar } of ratios) bars.push(barRow(`${what}`, value, "×", bar));
    for (const { what, unit, value, bar } of aims) bars.push(barRow(what, value, ` ${unit}`, bar));
    if (ratios.length + aims.length > 0) lines.push(bars.toString());
    for (const problem of broken) lines.push(`BROKEN: ${problem}`);
  }
  return lines.join("\n");
}

function barRow(what: string, value: Spread, unit: string, bar: Bar | undefined): string[] {
  const text = (number: number) => `${shown(number)}${unit}`;
  const range = `${shown(value.least)} to ${shown(value.most)}`;
  if (!bar) return [what, text(value.median), range, "", ""];
  const wanted = `${bar.kind === "at least" ? "≥" : "≤"} ${text(bar.limit)}`;
  return [what, text(value.median), range, wanted, isMet(value, bar) ? "met" : "NOT met"];
}

function middle(spread: Spread | undefined): string {
  return spread === undefined ? "" : shown(spread.median);
}

/** Formats a number with three digits, or an integer in full. */
export function shown(value: number): string {
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** Returns the machine and the versions. A load before the first run comes from other processes, and slows all runs. */
export function machineOf(natsVersion: string, loadBefore: number): string {
  const { arch, os } = Deno.build;
  const busy = loadBefore > navigator.hardwareConcurrency / 4
    ? " (other processes were running: trust CPU, not times)"
    : "";
  return `${navigator.hardwareConcurrency} processors, ${os} ${arch}, load before ${loadBefore.toFixed(1)}${busy}, ` +
    `Deno ${Deno.version.deno}, nats-server ${natsVersion}`;
}
