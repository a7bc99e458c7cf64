import type { Outcome } from "../../core/outcome.ts";
import { plainData } from "./compare_worlds.ts";
import type { CrashOptions } from "./crash_report.ts";
import { CrashWorld } from "./crash_world.ts";
import type { CrashPlan } from "./simulated_process.ts";
import { deliverUntilSettled, type Trial } from "./deliver_until_settled.ts";

/** A finished run. */
export interface Run {
  readonly plan: CrashPlan;
  readonly outcome: Outcome;
  /** The value of `world` before the run. Undefined if it had nothing to show yet. */
  readonly before: unknown;
  /** The value of `world` after the run. */
  readonly outside: unknown;
  /** Everything to compare: outcome, buckets, events, and `world`. */
  readonly result: unknown;
}

/**
 * Runs a trial, from its `setup` to the result that its `world` shows.
 *
 * @throws {Error} if a handler does not end.
 * @throws {TypeError} if `world` returns nothing to compare.
 */
export async function runTrial<Outside>(
  trial: Trial,
  { setup, world: show }: CrashOptions<Outside>,
  plan: CrashPlan,
): Promise<Run> {
  const world = new CrashWorld();
  const outside = await setup?.({ kv: world.kv }) as Outside;
  const look = async () => show && comparable(await show(outside));
  try {
    const before = await look().catch(() => undefined);
    await deliverUntilSettled(trial, world, plan);
    const { events, dropped, ended } = world;
    const inside = plainData({
      outcome: ended!.kind === "dead-letter" ? `dead letter: ${ended!.reason}` : ended!.kind,
      kv: world.kv.contents(),
      events: byTypeAndId(events),
      "published again with other data": byTypeAndId(dropped),
    }) as Record<string, unknown>;
    const after = await look();
    return { plan, outcome: ended!, before, outside: after, result: { ...inside, ...(show && { world: after }) } };
  } finally {
    const { [Symbol.asyncDispose]: disposeAsync, [Symbol.dispose]: dispose } = (outside ?? {}) as Partial<
      AsyncDisposable & Disposable
    >;
    await (disposeAsync ?? dispose)?.call(outside);
  }
}

/** Returns the value of `world` as plain data. @throws {TypeError} if it has nothing to compare. */
function comparable(value: unknown): unknown {
  if (value === undefined || typeof value === "function") {
    throw new TypeError(`\`world\` returned ${typeof value}: return the state to compare as plain data, or null`);
  }
  return plainData(value);
}

function byTypeAndId(events: CrashWorld["events"]): Record<string, unknown> {
  const named: Record<string, Record<string, unknown>> = {};
  for (const [id, { type, data }] of Object.entries(events)) (named[type] ??= {})[id] = data;
  return named;
}
