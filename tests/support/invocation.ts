import { trace } from "@opentelemetry/api";
import { defineEvent, type EventDefinition, type HandlerContext, type Log, type WeirEvent } from "weir";
import { z } from "zod";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { InvocationContext } from "../../runtime/engine/handler_context.ts";
import { HandlerRunner } from "../../runtime/engine/handler_runner.ts";
import type { BreakerChange } from "../../runtime/engine/ports.ts";
import type { BreakerPolicy } from "../../runtime/core/breaker.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";

/** An event that functions under test may emit. */
export const Shipped = defineEvent({ type: "orders.shipped", version: 1, data: z.object({ orderId: z.string() }) });
/** One that they may emit as well. */
export const Billed = defineEvent({ type: "orders.billed", version: 1, data: z.object({ total: z.int() }) });

/** The event that woke the function. */
export const CAUSE: WeirEvent = {
  id: "e1",
  type: "orders.created",
  source: "/shop",
  time: "2026-01-01T00:00:00.000Z",
  data: { orderId: "o1" },
  subject: "orders.created",
  extensions: {},
};

/** A breaker that opens at the second failure in a row, for ten seconds, and then takes one probe. */
export const BREAKER: BreakerPolicy = {
  consecutiveFailures: 2,
  intervalMs: 60_000,
  openForMs: 10_000,
  halfOpenProbes: 1,
};

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A function `ship` with a timeout of five seconds, its dependencies, and a clock that stands still. */
export function setup(
  handler: (event: WeirEvent, ctx: HandlerContext) => unknown = () => {},
  { name = "ship", emits = [Shipped, Billed], breaker = BREAKER }: {
    name?: string;
    emits?: readonly EventDefinition[];
    breaker?: BreakerPolicy;
  } = {},
) {
  const clock = new TestClock(Date.UTC(2026, 0, 2));
  const changes: BreakerChange[] = [];
  const dependencies = new DependencyBreakers({ Payments: breaker }, clock, (change) => changes.push(change));
  const resolved = resolvePolicy({ on: "orders.created", emits: [], timeout: "5s" });
  if (!resolved.ok) throw new Error(resolved.problems.join("; "));
  const fn: ResolvedFunction = {
    name,
    file: `functions/${name}.ts`,
    triggers: [],
    emits,
    policy: resolved.policy,
    handler,
  };
  const invoker = new HandlerRunner(fn, clock);
  const kv = {
    bucket: (name: string) => {
      throw new Error(`no bucket ${name} here`);
    },
  };
  const surroundings = { fn, clock, kv, breaker: (name: string) => dependencies.breaker(name) };
  const newContext = (event = CAUSE, attempt = 1) =>
    new InvocationContext(surroundings, event, attempt, {
      span: trace.getTracer("test").startSpan("test"),
      log: silent,
    });
  const invoke = () => {
    const context = newContext();
    return { context, result: invoker.run(CAUSE, context) };
  };
  return { clock, changes, dependencies, invoker, newContext, invoke };
}

/** A promise that is settled from outside. */
export function gate<Value = void>(): PromiseWithResolvers<Value> {
  return Promise.withResolvers<Value>();
}
