import type { Outcome } from "../../core/outcome.ts";
import { asTree } from "./compare.ts";
import type { CrashOptions } from "./crash_points.ts";
import { CrashWorld } from "./crash_world.ts";
import type { CrashPlan } from "./life.ts";
import { liveThrough, type Trial } from "./live_through.ts";

/** What came of one run. */
export interface Run {
  readonly plan: CrashPlan;
  readonly outcome: Outcome;
  /** What is outside before it; undefined if there was nothing to look at yet. */
  readonly before: unknown;
  /** What is outside after it. */
  readonly outside: unknown;
  /** All there is after it. */
  readonly picture: unknown;
}

/**
 * Runs a trial in a world of its own, from its `setup` to what `world` shows of it.
 *
 * @throws {Error} when a handler does not come to an end. @throws {TypeError} when `world` shows nothing.
 */
export async function run<Outside>(
  trial: Trial,
  { setup, world: given }: CrashOptions<Outside>,
  plan: CrashPlan,
): Promise<Run> {
  const world = new CrashWorld();
  const outside = await setup?.({ kv: world.kv }) as Outside;
  const look = async () => given && pictureOf(await given(outside));
  try {
    const before = await look().catch(() => undefined);
    await liveThrough(trial, world, plan);
    const { events, dropped, ended } = world;
    const picture = asTree({
      outcome: ended!.kind === "dead-letter" ? `dead letter: ${ended!.reason}` : ended!.kind,
      kv: world.kv.contents(),
      events: byName(events),
      "published again with other data": byName(dropped),
    }) as Record<string, unknown>;
    const after = await look();
    return { plan, outcome: ended!, before, outside: after, picture: { ...picture, ...(given && { world: after }) } };
  } finally {
    const { [Symbol.asyncDispose]: disposeAsync, [Symbol.dispose]: dispose } = (outside ?? {}) as Partial<
      AsyncDisposable & Disposable
    >;
    await (disposeAsync ?? dispose)?.call(outside);
  }
}

/** @throws {TypeError} when there is nothing to compare in it. */
function pictureOf(given: unknown): unknown {
  if (given === undefined || typeof given === "function") {
    throw new TypeError(`\`world\` returned ${typeof given}: return what there is to compare, as plain data, or null`);
  }
  return asTree(given);
}

/** By type and id. */
function byName(events: CrashWorld["events"]): Record<string, unknown> {
  const named: Record<string, Record<string, unknown>> = {};
  for (const [id, { type, data }] of Object.entries(events)) (named[type] ??= {})[id] = data;
  return named;
}
