import { AssertionError } from "node:assert";
import type { FunctionDefinition, Trigger } from "../../api/define_function.ts";
import { describeOutcome } from "../describe_outcome.ts";
import type { DataOf } from "../invoke_options.ts";
import type { RecordedEvent } from "../recorded_event.ts";
import { type CrashOptions, crashPoints, type CrashReport } from "./crash_points.ts";

const HEADINGS = ["the process dies", "what then differs", "without a crash", "after it"];
const WIDEST = 72;

/**
 * Proves that a function may die at any point and be run again, without anybody being able to tell: see
 * {@linkcode crashPoints}, whose report it returns.
 *
 * @throws {AssertionError} with a table of the points that leave another world behind, or when the event is not
 * handled even without a crash, or does something outside that no `world` shows: then nothing would be proven.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertIdempotent } from "weir/testing";
 *
 * const visited = defineFunction({ on: "demo.visited" }, async (event, ctx) => {
 *   await ctx.kv("visits").put(event.id, true);
 * });
 * await assertIdempotent(visited, {});
 * ```
 */
export async function assertIdempotent<On extends Trigger | readonly Trigger[], Outside = unknown>(
  fn: FunctionDefinition<On>,
  data: DataOf<On> | RecordedEvent,
  options: CrashOptions<Outside> = {},
): Promise<CrashReport> {
  const report = await crashPoints(fn, data, options), { outcome, findings, points } = report;
  if (outcome.kind === "dead-letter" && outcome.reason !== "rejected") {
    fail(`${report.function} proves nothing: without any crash the event was ${describeOutcome(outcome)}`);
  }
  if (findings.length > 0) {
    fail(
      `${report.function} is not idempotent: ${findings.length} of ${points.length} crashes leave another world behind\n\n` +
        `${table(findings)}\n\nMake each effect safe to repeat: compare-and-set, a key of the event's, data that is ` +
        `the same again`,
    );
  }
  const futile = nothingProven(report);
  if (futile) fail(`${report.function} proves nothing: ${futile}`);
  return report;
}

/** Why no difference means nothing. */
function nothingProven({ points, unseen }: CrashReport): string | undefined {
  if (points.every(({ verdict }) => verdict === "gave-up")) {
    return "after each crash the event was a dead letter, and not handled again: it comes again half a minute later, " +
      "so give the function a longer `maxAge` in this test";
  }
  if (unseen.length === 0) return undefined;
  return `nobody looked at what came of this:\n${unseen.map((what) => `  ${what}\n`).join("")}` +
    "Give `world`, which returns what is there afterwards: `world: () => bank.charges`, or `() => null` if that " +
    "changes nothing";
}

function fail(message: string): never {
  throw new AssertionError({ message, operator: "assertIdempotent", stackStartFn: assertIdempotent });
}

function table(findings: CrashReport["findings"]): string {
  const rows = [HEADINGS, HEADINGS.map((heading) => "-".repeat(heading.length))];
  for (const { at, differences } of findings) {
    for (const [i, { where, expected, actual }] of differences.entries()) {
      rows.push([i === 0 ? at : "", where, expected, actual].map(cut));
    }
  }
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()).join("\n");
}

function cut(text: string): string {
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text;
}
