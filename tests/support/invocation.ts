import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import { defineEvent, type EventDefinition, type HandlerContext, type WeirEvent } from "weir";
import { z } from "zod";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { AttemptContext } from "../../runtime/engine/handler_context.ts";
import { type HandlerMiddleware, InProcessRunner } from "../../runtime/engine/handler_runner.ts";
import type { BreakerChange } from "../../runtime/engine/circuit_breaker.ts";
import type { BreakerPolicy } from "../../runtime/core/breaker.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { delivery, NO_HEADERS } from "./deliveries.ts";

/** Event that functions under test may emit. */
export const Shipped = defineEvent({ type: "orders.shipped", version: 1, data: z.object({ orderId: z.string() }) });
/** Another event that they may emit. */
export const Billed = defineEvent({ type: "orders.billed", version: 1, data: z.object({ total: z.int() }) });

/** Event that triggers the function. */
export const CAUSE: WeirEvent = {
  id: "e1",
  type: "orders.created",
  source: "/shop",
  time: "2026-01-01T00:00:00.000Z",
  data: { orderId: "o1" },
  subject: "orders.created",
  extensions: {},
  headers: NO_HEADERS,
};

/** Breaker policy that opens at the second consecutive failure, for ten seconds, and then admits one probe. */
export const BREAKER: BreakerPolicy = {
  consecutiveFailures: 2,
  intervalMs: 60_000,
  openForMs: 10_000,
  halfOpenProbes: 1,
};

/** A span that records nothing. */
export const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
/** A lease that never expires. */
export const LEASE = { isValid: () => true, renew() {}, release() {} };

/**
 * Creates the runner of a function `ship` with a timeout of five seconds, its dependencies, and a clock that the test
 * moves.
 */
export function setup(
  handler: (event: WeirEvent, ctx: HandlerContext) => unknown = () => {},
  { name = "ship", emits = [Shipped, Billed], breaker = BREAKER, middleware = [] }: {
    name?: string;
    emits?: readonly EventDefinition[];
    breaker?: BreakerPolicy;
    middleware?: readonly HandlerMiddleware[];
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
  const kv = {
    bucket: (name: string) => {
      throw new Error(`no bucket ${name} here`);
    },
  };
  const resources = { kv, breaker: (name: string) => dependencies.breaker(name) };
  const runner = new InProcessRunner(fn, clock, resources, middleware);
  const newAttempt = (event = CAUSE, number = 1) =>
    Object.assign(new Attempt(fn, clock, delivery(), LEASE), { number, decoded: { kind: "event", event } as const });
  const newContext = (event = CAUSE, number = 1) => new AttemptContext(newAttempt(event, number), resources);
  const invoke = () => {
    const attempt = newAttempt(), result = runner.run(attempt);
    return { attempt, context: attempt.handlerContext as AttemptContext, result };
  };
  return { clock, changes, dependencies, runner, newAttempt, newContext, invoke };
}

/** Returns a promise that the test settles. */
export function gate<Value = void>(): PromiseWithResolvers<Value> {
  return Promise.withResolvers<Value>();
}
