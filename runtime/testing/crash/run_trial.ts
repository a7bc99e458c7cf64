import type { HandlerContext } from "../../api/context.ts";
import type { Delivery } from "../../core/delivery.ts";
import { formatDuration } from "../../core/duration.ts";
import type { Outcome } from "../../core/outcome.ts";
import { DependencyBreakers } from "../../engine/dependency_breakers.ts";
import type { HandlerMiddleware } from "../../engine/handler_runner.ts";
import { Pipeline } from "../../engine/pipeline.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { withTimeout } from "../../nats/client/with_timeout.ts";
import { ACK_WAIT_MS } from "../../nats/consume/ack_wait.ts";
import type { ResolvedFunction } from "../../project/resolve_function.ts";
import { plainData } from "./compare_worlds.ts";
import type { CrashOptions } from "./crash_report.ts";
import { CrashWorld } from "./crash_world.ts";
import { withTestValues } from "../test_values.ts";
import { type CrashPlan, SimulatedProcess, tick } from "./simulated_process.ts";

/** Number of deliveries after which an unsettled event is assumed never to settle. */
const MAX_DELIVERIES = 1_000;

/** Part of a result with the events that JetStream did not store again under their id, although their data differed. */
export const PUBLISHED_AGAIN = "published again with other data";

/** A function, an event for it, and the longest time for a handler. */
export interface Trial {
  readonly fn: ResolvedFunction;
  readonly delivery: (world: CrashWorld) => Delivery;
  readonly timeoutMs: number;
}

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
  { setup, world: show, resources, env }: CrashOptions<Outside>,
  plan: CrashPlan,
): Promise<Run> {
  const world = new CrashWorld();
  const outside = await setup?.({ kv: world.kv }) as Outside;
  const look = async () => show && comparable(await show(outside));
  try {
    const before = await look().catch(() => undefined);
    await withTestValues({ resources: resources?.(outside), env }, () => deliverUntilSettled(trial, world, plan));
    const { events, dropped, ended } = world;
    const inside = plainData({
      outcome: ended!.kind === "dead-letter" ? `dead letter: ${ended!.reason}` : ended!.kind,
      kv: world.kv.contents(),
      events: byTypeAndId(events),
      [PUBLISHED_AGAIN]: byTypeAndId(dropped),
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

/**
 * Delivers an event until it is settled: again after the delay of a retry, and to a new process after a crash.
 *
 * @throws {Error} if a handler does not end.
 */
async function deliverUntilSettled({ fn, delivery, timeoutMs }: Trial, world: CrashWorld, plan: CrashPlan) {
  const given = delivery(world);
  const within = <Value>(promise: Promise<Value>): Promise<Value> =>
    withTimeout(systemClock, timeoutMs, promise).catch((cause) => {
      const last = plan.points.at(-1) ?? "the beginning", took = formatDuration(timeoutMs);
      throw new Error(`${fn.name} was still running after ${took}; its last step: ${last}`, { cause });
    });
  let process = new SimulatedProcess(plan), pipeline = createPipeline(fn, world, process);
  try {
    for (let deliveryCount = 1; !world.ended; deliveryCount++) {
      if (deliveryCount > MAX_DELIVERIES) {
        throw new Error(`${fn.name}: not settled after ${MAX_DELIVERIES} deliveries`);
      }
      const handled = process.run(() => pipeline.handle(pipeline.newAttempt({ ...given, deliveryCount })));
      if (pipeline.batches) {
        await tick(); // it is collected by then
        pipeline.batches.collector.flush();
      }
      const outcome = await within(Promise.race([handled, process.died])).catch((error) => {
        if (plan.lost === undefined) throw error;
        process.die(); // the handler waits for the step that is lost with the process
      });
      await within(process.quiet());
      if (process.dead) {
        pipeline.admission.close();
        await anotherMillisecond();
        world.clock.move(ACK_WAIT_MS);
        process = new SimulatedProcess(plan);
        pipeline = createPipeline(fn, world, process);
      } else if (outcome?.kind === "retry") world.clock.move(outcome.delayMs);
    }
  } finally {
    pipeline.admission.close();
  }
}

function createPipeline(fn: ResolvedFunction, world: CrashWorld, process: SimulatedProcess): Pipeline {
  const dependencies = new DependencyBreakers(fn.policy.dependencies, world.clock, () => {});
  const stepped: HandlerMiddleware = (attempt, next) => {
    attempt.handlerContext = withSteps(attempt.handlerContext!, process);
    return next(attempt);
  };
  return new Pipeline(fn, dependencies, world.ports(process), [stepped]);
}

function withSteps(context: HandlerContext, process: SimulatedProcess): HandlerContext {
  return {
    get signal() {
      return context.signal;
    },
    attempt: context.attempt,
    replay: context.replay,
    emit: context.emit,
    cancel: context.cancel,
    kv: context.kv,
    log: context.log,
    span: context.span,
    now: context.now,
    use: context.use,
    dependency: (name) => {
      const dependency = context.dependency(name);
      return {
        call: (run) =>
          process.step(`the call to ${name}`, () => dependency.call(run), { outside: "unless-seen-inside" }),
      };
    },
  };
}

/** Waits for the next millisecond, so that data which contains the time differs between two runs. */
export async function anotherMillisecond(): Promise<void> {
  for (const from = Date.now(); Date.now() <= from + 1;) await new Promise((resolve) => setTimeout(resolve, 1));
}
