import type { ResolvedFunction } from "../../project/resolve_function.ts";
import type { HandlerContext } from "../../api/context.ts";
import { DependencyBreakers } from "../../engine/dependency_breakers.ts";
import type { HandlerMiddleware } from "../../engine/handler_runner.ts";
import { Pipeline } from "../../engine/pipeline.ts";
import { ACK_WAIT_MS } from "../../nats/consume/ack_wait.ts";
import type { Delivery } from "../../core/delivery.ts";
import { formatDuration } from "../../core/duration.ts";
import type { CrashWorld } from "./crash_world.ts";
import { type CrashPlan, Life } from "./life.ts";

/** An event that is not settled by then never will be. */
const MOST_DELIVERIES = 1_000;

/** An event, the function that handles it, and how long a process may take over it. */
export interface Trial {
  readonly fn: ResolvedFunction;
  readonly delivery: (world: CrashWorld) => Delivery;
  readonly patienceMs: number;
}

/**
 * Delivers an event until it is settled: again after a retry's delay, and to a new process after the old one died.
 *
 * @throws {Error} when a handler does not come to an end.
 */
export async function liveThrough({ fn, delivery, patienceMs }: Trial, world: CrashWorld, plan: CrashPlan) {
  const given = delivery(world);
  let life = new Life(plan), pipeline = processOf(fn, world, life);
  try {
    for (let deliveryCount = 1; !world.ended; deliveryCount++) {
      if (deliveryCount > MOST_DELIVERIES) {
        throw new Error(`${fn.name}: not settled after ${MOST_DELIVERIES} deliveries`);
      }
      const handled = life.run(() => pipeline.handle(pipeline.newAttempt({ ...given, deliveryCount })));
      const late = () => new Error(stillRunning(fn.name, patienceMs, plan));
      const outcome = await within(patienceMs, Promise.race([handled, life.died]), late).catch((error) => {
        if (plan.lost === undefined) throw error;
        life.die(); // it does wait this time for what is lost with it
      });
      await within(patienceMs, life.quiet(), late);
      if (life.dead) {
        pipeline.admission.close();
        await anotherMillisecond();
        world.clock.move(ACK_WAIT_MS);
        life = new Life(plan);
        pipeline = processOf(fn, world, life);
      } else if (outcome?.kind === "retry") world.clock.move(outcome.delayMs);
    }
  } finally {
    pipeline.admission.close();
  }
}

function processOf(fn: ResolvedFunction, world: CrashWorld, life: Life): Pipeline {
  const dependencies = new DependencyBreakers(fn.policy.dependencies, world.clock, () => {});
  const stepped: HandlerMiddleware = (attempt, next) => {
    attempt.handlerContext = withSteps(attempt.handlerContext!, life);
    return next(attempt);
  };
  return new Pipeline(fn, dependencies, world.ports(life), [stepped]);
}

function withSteps(context: HandlerContext, life: Life): HandlerContext {
  return {
    get signal() {
      return context.signal;
    },
    attempt: context.attempt,
    emit: context.emit,
    kv: context.kv,
    log: context.log,
    span: context.span,
    dependency: (name) => {
      const dependency = context.dependency(name);
      return {
        call: (run) => life.step(`the call to ${name}`, () => dependency.call(run), { outside: "unless-seen-inside" }),
      };
    },
  };
}

/** What is done again has another time, or nobody could tell data with the time in it from data that is the same. */
export async function anotherMillisecond(): Promise<void> {
  for (const from = Date.now(); Date.now() <= from + 1;) await new Promise((resolve) => setTimeout(resolve, 1));
}

function stillRunning(name: string, patienceMs: number, { points }: CrashPlan): string {
  const last = points.at(-1) ?? "the beginning";
  return `${name} was still running after ${formatDuration(patienceMs)}; the last that was seen of it: ${last}`;
}

async function within<Value>(ms: number, promise: Promise<Value>, late: () => Error): Promise<Value> {
  let timer: ReturnType<typeof setTimeout>;
  const timeout = new Promise<never>((_, reject) => timer = setTimeout(() => reject(late()), ms));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer!);
  }
}
