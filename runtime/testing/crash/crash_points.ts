import type { FunctionDefinition, Trigger } from "../../api/define_function.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { Duration } from "../../core/duration.ts";
import type { DataOf, GivenEvent } from "../invoke_options.ts";
import type { MemoryKvStore } from "../memory_kv.ts";
import { registryOf } from "../modules.ts";
import type { RecordedEvent } from "../recorded_event.ts";
import { durationMs } from "../test_clock.ts";
import { deliveryOf } from "../test_delivery.ts";
import { common, type Difference, differences, varying } from "./compare.ts";
import { type Run, run } from "./crash_run.ts";
import { CrashPlan } from "./life.ts";
import { anotherMillisecond, type Trial } from "./live_through.ts";
import { watchInPlace } from "./watch.ts";
import { watchFetch } from "./watched_fetch.ts";

/**
 * What {@linkcode crashPoints} takes besides the function and the data.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertIdempotent, type CrashOptions } from "weir/testing";
 *
 * const options: CrashOptions<string[]> = {
 *   setup: () => mails = [],
 *   world: (mails) => mails.length,
 * };
 * let mails: string[] = [];
 * const mail = defineFunction({ on: "demo.asked" }, async (event, ctx) => {
 *   await ctx.dependency("Post").call(() => void (mails.includes(event.id) || mails.push(event.id)));
 * });
 * await assertIdempotent(mail, {}, options);
 * ```
 */
export interface CrashOptions<Outside = unknown> extends GivenEvent {
  /**
   * Makes the world that each run begins with: fills buckets, starts a stand-in for a service. What it returns is given
   * to `world`, and disposed of after the run if it can be.
   */
  readonly setup?: (given: { readonly kv: MemoryKvStore }) => Outside | Promise<Outside>;
  /**
   * Your own picture of what is outside, such as the charges that a payment service made: plain data to compare. What a
   * function does there is seen by nobody else: say `() => null` if it changes nothing.
   */
  readonly world?: (outside: Outside) => unknown;
  /** Objects whose method calls are points too, by name; they are watched in place while this runs. */
  readonly watch?: Readonly<Record<string, object>>;
  /** With 2, each crash is followed by each other one: many more runs. Default: 1. */
  readonly depth?: 1 | 2;
  /** How long a handler may take, in real time. Default: ten seconds. */
  readonly patience?: Duration;
}

/**
 * A point at which a process died, and what became of the world.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { type CrashPoint, crashPoints } from "weir/testing";
 *
 * const told = ({ at, verdict }: CrashPoint) => `${at}: ${verdict}`;
 *
 * const { points } = await crashPoints(defineFunction({ on: "demo.asked" }, () => {}), {});
 * assert.deepEqual(points.map(told), ["before the ack: same"]);
 * ```
 */
export interface CrashPoint {
  /** Such as `after kv inventory.update("book")`. */
  readonly at: string;
  /** `gave-up`: the crashes used up every attempt, or took too long, and the event is a dead letter, as it should be. */
  readonly verdict: "same" | "differs" | "gave-up";
  /** What is not as it was without a crash. */
  readonly differences: readonly Difference[];
}

/**
 * What came of every crash.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { crashPoints, type CrashReport } from "weir/testing";
 *
 * const worst = ({ findings }: CrashReport) => findings.map(({ at }) => at);
 *
 * const count = defineFunction({ on: "demo.visited" }, async (_event, ctx) => {
 *   const counts = ctx.kv<number>("counts"), before = (await counts.get("visits"))?.value ?? 0;
 *   await counts.put("visits", before + 1);
 * });
 *
 * assert.deepEqual(worst(await crashPoints(count, {})), ['after kv counts.put("visits")', "before the ack"]);
 * ```
 */
export interface CrashReport {
  /** The function's name. */
  readonly function: string;
  /** What became of the event without a crash. */
  readonly outcome: Outcome;
  /** Every point. */
  readonly points: readonly CrashPoint[];
  /** Those that leave another world behind. */
  readonly findings: readonly CrashPoint[];
  /** What two runs without any crash had different, such as random ids: it is not compared. */
  readonly varies: readonly string[];
  /** What was called outside and may have changed something there, with no `world` to tell: nobody knows what of it. */
  readonly unseen: readonly string[];
}

/**
 * Runs a function once undisturbed, and then again for every point at which its process may die, each time in a fresh
 * world: there it dies, the event is delivered again, to a new process, until it is settled; and the world it then
 * leaves behind is compared with the undisturbed one: key-value buckets, stored events, your own `world`.
 *
 * It dies before and after everything that the handler awaits and that can be seen from outside: each operation of
 * `ctx.kv`, each call of a dependency, each global `fetch`, each method of what is watched; and, in the runtime, before
 * and after each emitted event is stored, and before the ack. A crash anywhere else cannot be told from one of these.
 * What the handler began and did not await is tried too: it may be lost with the process once the event is acked.
 *
 * Time stands still meanwhile, but for the waits between deliveries; a handler's own timers and `Date` are real, so a
 * second life begins some milliseconds after the first. A file that is written, a database that is not watched, what a
 * service has: only `world` can tell. The same process goes on in truth: what a module keeps in memory outlives a crash.
 *
 * @throws {StartupProblems} when the function could not start.
 * @throws {Error} when a handler does not come to an end, or a run finds what another left behind.
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
  const { name = "testedFunction", depth = 1, patience = "10s" } = options;
  const [bound] = registryOf({ [name]: fn as unknown as FunctionDefinition }, [options.event]).functions;
  const trial: Trial = {
    fn: bound,
    delivery: ({ clock }) => deliveryOf(bound, data, options, clock),
    patienceMs: durationMs(patience),
  };
  const undo = [watchFetch(), watchInPlace(options.watch ?? {})], sync = new Set<string>();
  const runWith = (at: readonly number[], lost?: number) => run(trial, options, new CrashPlan(at, lost, sync));
  try {
    const first = await runWith([]);
    await anotherMillisecond();
    const second = await runWith([]);
    leftNothing(first, second);
    const expected = common(first.picture, second.picture);
    const points: CrashPoint[] = [];
    const plans: number[][] = first.plan.points.map((_, at) => [at]);
    for (let plan = plans.shift(); plan; plan = plans.shift()) {
      const after = await runWith(plan);
      points.push(judge(expected, after, placeOf(after.plan, plan)));
      if (plan.length === depth) continue;
      for (let at = plan.at(-1)! + 1; at < after.plan.points.length; at++) plans.push([...plan, at]);
    }
    for (const lost of first.plan.unfinished) {
      const at = `after it was settled: without ${first.plan.points[lost].replace(/^before /, "")}, not awaited`;
      points.push(judge(expected, await runWith([], lost), at));
    }
    const findings = points.filter(({ verdict }) => verdict === "differs");
    const unseen = options.world ? [] : [...first.plan.outside];
    return { function: bound.name, outcome: first.outcome, points, findings, varies: varying(expected), unseen };
  } finally {
    undo.reverse().forEach((step) => step());
  }
}

/** @throws {Error} when the second of two undisturbed runs found what the first left behind. */
function leftNothing(first: Run, second: Run): void {
  const [most, least] = [first, second].map(({ plan }) => plan.points.length);
  if (most !== least) throw notAnew(`the function came by ${least} points in its second run, and by ${most} before`);
  const changed = differences(first.before, first.outside).length > 0;
  if (changed && differences(first.outside, second.before).length === 0) {
    throw notAnew("what `world` shows at the end of a run is still there when the next one begins");
  }
}

function notAnew(what: string): Error {
  return new Error(`${what}: each must do the same, so let \`setup\` make all anew that the function depends on`);
}

/** What the points of a plan are called. @throws {Error} when the run did not come by them all. */
function placeOf({ points }: CrashPlan, plan: readonly number[]): string {
  if (plan.at(-1)! < points.length) return plan.map((index) => points[index]).join(", then ");
  throw notAnew(`the function came by ${points.length} points this time (${points.at(-1)}), and by more before`);
}

function judge(expected: unknown, { outcome, picture }: Run, at: string): CrashPoint {
  const gaveUp = outcome.kind === "dead-letter" && (outcome.reason === "crashed" || outcome.reason === "expired");
  if (gaveUp) return { at, verdict: "gave-up", differences: [] };
  const found = differences(expected, picture);
  return { at, verdict: found.length > 0 ? "differs" : "same", differences: found };
}
