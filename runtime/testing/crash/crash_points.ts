import type { FunctionDefinition } from "../../api/define_function.ts";
import type { Trigger } from "../../api/trigger.ts";
import type { DataOf } from "../invoke_options.ts";
import type { RecordedEvent } from "../recorded_event.ts";
import { durationMs } from "../test_clock.ts";
import { deliveryOf } from "../test_delivery.ts";
import { resolveTested } from "../test_registry.ts";
import { commonParts, differences, variableParts } from "./compare_worlds.ts";
import type { CrashOptions, CrashPoint, CrashReport } from "./crash_report.ts";
import { CrashPlan } from "./simulated_process.ts";
import { anotherMillisecond, PUBLISHED_AGAIN, type Run, runTrial, type Trial } from "./run_trial.ts";
import { watchFetch, watchInPlace } from "./watch.ts";
import { watchSockets } from "./watch_sockets.ts";

/**
 * Runs a function once undisturbed, and then once for each point at which its process may die. Each run starts afresh.
 * After a crash the event is redelivered to a new process until it is settled. The result is then compared with the
 * result of the undisturbed run: key-value buckets, emitted events, and your own `world`.
 *
 * The process dies before and after each awaited step with an outside effect: operations of `ctx.kv`, calls of a
 * dependency, the global `fetch`, methods of watched objects, the storing of each emitted event, and before the ack. A
 * crash between two steps has the same effect as a crash at a step. Work that was not awaited may be lost after the
 * ack, so it is also tried without its effect.
 *
 * A function with `batch` gets the event as a batch of its own.
 *
 * The runtime's clock moves only between deliveries. A handler's own timers and `Date` are real. Files, unwatched
 * databases and other services appear only in `world`. The test's process survives, so the variables of a module
 * outlive each crash.
 *
 * @throws {StartupProblems} if the function is not valid.
 * @throws {Error} if a handler does not end, or if a run finds what another one left behind.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { crashPoints } from "weir/testing";
 *
 * const count = defineFunction({ on: "demo.visited" }, async (_event, ctx) => {
 *   const counts = ctx.kv<number>("counts"), before = (await counts.get("visits"))?.value ?? 0;
 *   await counts.put("visits", before + 1);
 * });
 *
 * const { findings } = await crashPoints(count, {});
 * assert.deepEqual(findings.map(({ at }) => at), ['after kv counts.put("visits")', "before the ack"]);
 * assert.deepEqual(findings[0].differences, [{ where: "kv.counts.visits", expected: "1", actual: "2" }]);
 * ```
 */
export async function crashPoints<On extends Trigger | readonly Trigger[], Outside = unknown>(
  fn: FunctionDefinition<On>,
  data: DataOf<On> | RecordedEvent,
  options: CrashOptions<Outside> = {},
): Promise<CrashReport> {
  const { depth = 1, timeout = "10s" } = options;
  const resolved = resolveTested(fn, options);
  const trial: Trial = {
    fn: resolved,
    delivery: ({ clock }) => deliveryOf(resolved, data, options, clock),
    timeoutMs: durationMs(timeout),
  };
  const undo = [await watchSockets(), watchFetch(), watchInPlace(options.watch ?? {})], sync = new Set<string>();
  const runWith = (at: readonly number[], lost?: number) => runTrial(trial, options, new CrashPlan(at, lost, sync));
  try {
    const first = await runWith([]);
    await anotherMillisecond();
    const second = await runWith([]);
    checkIndependent(first, second);
    const expected = commonParts(first.result, second.result);
    const points: CrashPoint[] = [];
    const plans: number[][] = first.plan.points.map((_, at) => [at]);
    for (let plan = plans.shift(); plan; plan = plans.shift()) {
      const run = await runWith(plan);
      points.push(judge(expected, run, nameOf(run.plan, plan)));
      if (plan.length === depth) continue;
      for (let at = plan.at(-1)! + 1; at < run.plan.points.length; at++) plans.push([...plan, at]);
    }
    for (const lost of first.plan.unfinished) {
      const at = `after the settlement: without ${first.plan.points[lost].replace(/^before /, "")}, not awaited`;
      points.push(judge(expected, await runWith([], lost), at));
    }
    const findings = points.filter(({ verdict }) => verdict === "differs");
    const unseen = options.world ? [] : [...first.plan.outside], varies = variableParts(expected);
    return { function: resolved.name, outcome: first.outcome, points, findings, varies, unseen };
  } finally {
    undo.reverse().forEach((step) => step());
  }
}

/** Checks that the second undisturbed run did not find what the first left behind. @throws {Error} */
function checkIndependent(first: Run, second: Run): void {
  const [before, now] = [first, second].map(({ plan }) => plan.points.length);
  if (before !== now) {
    throw notFresh(`the function reached ${now} points in its second run, and ${before} in its first`);
  }
  const changed = differences(first.before, first.outside).length > 0;
  if (changed && differences(first.outside, second.before).length === 0) {
    throw notFresh("the state that `world` shows at the end of a run is still there when the next one begins");
  }
}

function notFresh(problem: string): Error {
  return new Error(`${problem}: every run must do the same, so let \`setup\` create anew all that the function uses`);
}

/** Returns the names of a plan's points. @throws {Error} if the run did not reach them all. */
function nameOf({ points }: CrashPlan, plan: readonly number[]): string {
  if (plan.at(-1)! < points.length) return plan.map((index) => points[index]).join(", then ");
  throw notFresh(`the function reached ${points.length} points this time (${points.at(-1)}), and more before`);
}

function judge(expected: unknown, { outcome, result }: Run, at: string): CrashPoint {
  const gaveUp = outcome.kind === "dead-letter" && (outcome.reason === "crashed" || outcome.reason === "expired");
  if (gaveUp) return { at, verdict: "gave-up", differences: [] };
  const found = differences(expected, sameAsStored(expected, result));
  return { at, verdict: found.length > 0 ? "differs" : "same", differences: found };
}

/**
 * Leaves out each event that was published again, if it differs from the stored event only in values that vary between
 * undisturbed runs, such as a time.
 */
function sameAsStored(expected: unknown, result: unknown): unknown {
  type Events = Record<string, Record<string, unknown>>;
  const { events } = expected as { events: Events },
    { [PUBLISHED_AGAIN]: again, ...rest } = result as Record<string, Events>;
  const kept = Object.entries(again).map(([type, byId]) => {
    const differs = ([id, data]: [string, unknown]) => differences(events[type]?.[id], data).length > 0;
    return [type, Object.fromEntries(Object.entries(byId).filter(differs))] as const;
  });
  return { ...rest, [PUBLISHED_AGAIN]: Object.fromEntries(kept.filter(([, byId]) => Object.keys(byId).length > 0)) };
}
