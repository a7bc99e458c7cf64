import { AssertionError } from "node:assert";
import type { FunctionDefinition } from "../../api/define_function.ts";
import type { Trigger } from "../../api/trigger.ts";
import { describeOutcome } from "../assertions/assert_outcome.ts";
import type { DataOf } from "../invoke_options.ts";
import type { RecordedEvent } from "../recorded_event.ts";
import { crashPoints } from "./crash_points.ts";
import type { CrashOptions, CrashPoint, CrashReport } from "./crash_report.ts";

/**
 * Asserts that a function may die at any point and run again, with the same result. Returns the report of
 * {@linkcode crashPoints}, which explains the points.
 *
 * @throws {AssertionError} with the crashes that change the result. It is also thrown if the event is not
 * handled even without a crash, or if the function has effects that no `world` shows: then nothing is proven.
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
    fail(`${report.function} proves nothing: without a crash the event was ${describeOutcome(outcome)}`);
  }
  if (findings.length > 0) {
    fail(
      `${report.function} is not idempotent: ${findings.length} of ${points.length} crashes change the result\n\n` +
        `${
          findings.map(describe).join("\n")
        }\n\nMake each effect safe to repeat: compare-and-set, an idempotency key from the event, ` +
        `data that is the same each time`,
    );
  }
  const flaw = provesNothing(report);
  if (flaw) fail(`${report.function} proves nothing: ${flaw}`);
  return report;
}

/** Returns why a report without findings proves nothing, or undefined if it does. */
function provesNothing({ points, unseen }: CrashReport): string | undefined {
  if (points.every(({ verdict }) => verdict === "gave-up")) {
    return "after each crash the event was a dead letter and was not handled again: it is redelivered half a minute " +
      "later, so give the function a longer `maxAge` in this test";
  }
  if (unseen.length === 0) return undefined;
  return `no \`world\` shows the effects of:\n${unseen.map((call) => `  ${call}\n`).join("")}` +
    "Give `world`, which returns the state afterwards: `world: () => bank.charges`, or `() => null` if nothing changes";
}

function fail(message: string): never {
  throw new AssertionError({ message, operator: "assertIdempotent", stackStartFn: assertIdempotent });
}

function describe({ at, differences }: CrashPoint): string {
  const lines = differences.map(({ where, expected, actual }) => `  ${where}: ${actual} instead of ${expected}`);
  return [`${at}:`, ...lines].join("\n");
}
