import type { Registry } from "../project/registry.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { Check, Health } from "../http/health.ts";
import type { Listener } from "../http/listen.ts";
import { breakersOf } from "./metering.ts";

const CHECK_MS = 2_000;

/** What a runtime's health is made of. Each tells what is wrong, or undefined. */
interface Vitals {
  readonly stopping: () => boolean;
  readonly nats: () => string | undefined;
  readonly ingress: () => Listener | undefined;
  readonly workers: readonly Dispatcher[];
  readonly own: Registry["healthChecks"];
}

/**
 * When a runtime is ready: NATS answers, the ingress listens, every function pulls, and the project's own checks pass.
 * A breaker that is open does what it is for; it is only told of.
 */
export function readiness({ stopping, nats, ingress, workers, own }: Vitals): Health {
  const check = (name: string, run: () => string | undefined): Check => ({ name, timeoutMs: CHECK_MS, run });
  return {
    checks: [
      check("runtime", () => stopping() ? "shutting down" : undefined),
      check("nats", nats),
      check("ingress", () => ingress()?.problem()),
      ...workers.map(({ pipeline, consumers }) =>
        check(
          `function:${pipeline.fn.name}`,
          () => consumers.map((consumer) => consumer.problem()).find((problem) => problem !== undefined),
        )
      ),
      ...own.map(({ name, timeoutMs, check }) => ({
        name,
        timeoutMs,
        run: async (signal: AbortSignal) => void await check(signal),
      })),
    ],
    degraded: () =>
      Object.fromEntries(
        breakersOf(workers).filter(({ state }) => state.kind !== "closed")
          .map(({ of, name, state }) => [`breaker of ${of} ${name}`, state.kind]),
      ),
  };
}
