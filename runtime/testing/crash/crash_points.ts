import type { FunctionDefinition, Trigger } from "../../authoring/define_function.ts";
import type { Outcome } from "../../nouns/outcome.ts";
import type { Duration } from "../../rules/duration.ts";
import type { DataOf, GivenEvent } from "../invoke_options.ts";
import type { MemoryKvStore } from "../memory_kv.ts";
import { registryOf } from "../modules.ts";
import type { RecordedEvent } from "../recorded.ts";
import { durationMs } from "../test_clock.ts";
import { deliveryOf } from "../test_delivery.ts";
import { asTree, common, type Difference, differences, varying } from "./compare.ts";
import { CrashWorld } from "./crash_world.ts";
import { CrashPlan } from "./life.ts";
import { liveThrough, type Trial } from "./live_through.ts";
import { watchInPlace } from "./watched.ts";
import { watchFetch } from "./watched_fetch.ts";

/** What {@linkcode crashPoints} takes besides the function and the data. */
export interface CrashOptions<Outside = unknown> extends GivenEvent {
  /**
   * Makes the world that each run begins with: fills buckets, starts a stand-in for a service. What it returns is given
   * to `world`, and disposed of after the run if it can be.
   */
  readonly setup?: (given: { readonly kv: MemoryKvStore }) => Outside | Promise<Outside>;
  /** Your own picture of what is outside, such as the charges that a payment service made: plain data to compare. */
  readonly world?: (outside: Outside) => unknown;
  /** Objects whose method calls are points too, by name; they are watched in place while this runs. */
  readonly watch?: Readonly<Record<string, object>>;
  /** With 2, each crash is followed by each other one: many more runs. Default: 1. */
  readonly depth?: 1 | 2;
  /** How long a handler may take, in real time. Default: ten seconds. */
  readonly patience?: Duration;
}

/** A point at which a process died, and what became of the world. */
export interface CrashPoint {
  /** Such as `after kv inventory.update("book")`. */
  readonly at: string;
  /** `gave-up`: the crashes used up every attempt, or took too long, and the event is a dead letter, as it should be. */
  readonly verdict: "same" | "differs" | "gave-up";
  /** What is not as it was without a crash. */
  readonly differences: readonly Difference[];
}

/** What came of every crash. */
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
}

/**
 * Runs a function once undisturbed, and then again for every point at which its process may die, each time in a fresh
 * world: there it dies, the event is delivered again, to a new process, until it is settled; and the world it then
 * leaves behind is compared with the undisturbed one: key-value buckets, stored events, your own `world`.
 *
 * It dies before and after everything that the handler awaits and that can be seen from outside: each operation of
 * `ctx.kv`, each call of a dependency, each global `fetch`, each method of what is watched; and, in the runtime, before
 * and after each emitted event is stored, and before the ack. A crash anywhere else cannot be told from one of these.
 * Time stands still meanwhile, but for the waits between deliveries; a handler's own timers are real.
 *
 * @throws {StartupProblems} when the function could not start.
 * @throws {Error} when a handler does not come to an end.
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
  const [bound] = registryOf({ [name]: fn as unknown as FunctionDefinition }).functions;
  const trial: Trial = {
    fn: bound,
    delivery: ({ clock }) => deliveryOf(bound, data, options, clock),
    patienceMs: durationMs(patience),
  };
  const undo = [watchFetch(), watchInPlace(options.watch ?? {})];
  try {
    const first = await run(trial, options, []);
    await anotherMillisecond();
    const expected = common(first.picture, (await run(trial, options, [])).picture);
    const points: CrashPoint[] = [];
    const plans: number[][] = first.points.map((_, at) => [at]);
    for (let plan = plans.shift(); plan; plan = plans.shift()) {
      const after = await run(trial, options, plan);
      points.push(judge(expected, after, plan));
      if (plan.length === depth) continue;
      for (let at = plan.at(-1)! + 1; at < after.points.length; at++) plans.push([...plan, at]);
    }
    const findings = points.filter(({ verdict }) => verdict === "differs");
    return { function: name, outcome: first.outcome, points, findings, varies: varying(expected) };
  } finally {
    undo.reverse().forEach((step) => step());
  }
}

interface Run {
  readonly points: readonly string[];
  readonly outcome: Outcome;
  readonly picture: unknown;
}

async function run<Outside>(trial: Trial, { setup, world: look }: CrashOptions<Outside>, at: number[]): Promise<Run> {
  const world = new CrashWorld(), plan = new CrashPlan(at);
  const outside = await setup?.({ kv: world.kv }) as Outside;
  try {
    await liveThrough(trial, world, plan);
    const { events, dropped, ended } = world;
    const picture = asTree({
      outcome: ended!.kind === "dead-letter" ? `dead letter: ${ended!.reason}` : ended!.kind,
      kv: world.kv.contents(),
      events: byName(events),
      "published again with other data": byName(dropped),
      world: await look?.(outside),
    });
    return { points: plan.points, outcome: ended!, picture };
  } finally {
    const { [Symbol.asyncDispose]: disposeAsync, [Symbol.dispose]: dispose } = (outside ?? {}) as Partial<
      AsyncDisposable & Disposable
    >;
    await (disposeAsync ?? dispose)?.call(outside);
  }
}

function byName(events: CrashWorld["events"]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(events).map(([id, { type, data }]) => [`${type} ${id}`, data]));
}

function judge(expected: unknown, { points, outcome, picture }: Run, plan: readonly number[]): CrashPoint {
  const at = plan.map((index) => points[index]).join(", then ");
  if (plan.at(-1)! >= points.length) {
    throw new Error(
      `the function came by ${points.length} points this time, and by more before (the last one now: ${
        points.at(-1)
      }): ` +
        `it must do the same in each run, so let \`setup\` make all anew that it depends on`,
    );
  }
  const gaveUp = outcome.kind === "dead-letter" && (outcome.reason === "crashed" || outcome.reason === "expired");
  if (gaveUp) return { at, verdict: "gave-up", differences: [] };
  const found = differences(expected, picture);
  return { at, verdict: found.length > 0 ? "differs" : "same", differences: found };
}

/** Two runs in the same one would have the same time in their data, as if that never varied. */
async function anotherMillisecond(): Promise<void> {
  for (const from = Date.now(); Date.now() <= from + 1;) await new Promise((resolve) => setTimeout(resolve, 1));
}
