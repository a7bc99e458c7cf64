import type { Registry } from "../project/registry.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { Check, Health } from "../http/health.ts";
import { breakersOf } from "./metering.ts";
import type { Unstored } from "../nats/consume/store_retrier.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { TopologyKeeper } from "./topology_keeper.ts";

/** Timeout of each of Weir's own checks, in milliseconds. */
const CHECK_TIMEOUT_MS = 2_000;

/** State that the health of a runtime depends on. */
interface ReadinessOptions {
  readonly stopping: () => boolean;
  /** Returns `ConnectionMonitor.problem`, or else the outage of the publisher; undefined if there is neither. */
  readonly nats: () => string | undefined;
  /** Returns the problem of the public listener, or undefined. */
  readonly ingress: () => string | undefined;
  readonly dispatchers: readonly Dispatcher[];
  /** Those that assign events to partitions. Default: no function has partitions. */
  readonly routers?: readonly Dispatcher[];
  readonly topology: Pick<TopologyKeeper, "problem" | "concerns" | "pauses">;
  readonly unstored: () => readonly Unstored[];
  /** The checks that a project defines: its health checks, and the checks of its resources. */
  readonly projectChecks: Registry["healthChecks"];
  readonly redact: (text: string) => string;
}

/**
 * Returns the checks of a runtime. It is ready if it is not shutting down, NATS answers, the ingress listens, streams
 * and consumers are as declared, every function pulls, and the project's own checks for these functions pass. It is
 * degraded, and stays ready, while a breaker is open or not shared, a function is paused, a rate is not shared, the
 * topology has a concern, or an event cannot be settled.
 */
export function readiness(options: ReadinessOptions): Health {
  const { stopping, nats, ingress, dispatchers, routers = [], topology, unstored, projectChecks, redact } = options;
  const running = new Set(dispatchers.map(({ pipeline }) => pipeline.fn.name));
  const check = (name: string, run: () => string | undefined): Check => ({ name, timeoutMs: CHECK_TIMEOUT_MS, run });
  return {
    redact,
    checks: [
      check("runtime", () => stopping() ? "shutting down" : undefined),
      check("nats", nats),
      // Problems of streams belong to no function, and keep the ingress from storing events.
      check("ingress", () => ingress() ?? topology.problem()),
      ...dispatchers.map(({ pipeline, consumers }) =>
        check(
          `function:${pipeline.fn.name}`,
          () =>
            topology.problem(pipeline.fn.name) ??
              [
                ...consumers,
                ...routers.flatMap((one) => one.pipeline.fn.name === pipeline.fn.name ? one.consumers : []),
              ]
                .map((consumer) => consumer.problem()).find((problem) => problem !== undefined),
        )
      ),
      ...projectChecks.filter(({ functions }) => functions.some((name) => running.has(name))).map((
        { name, timeoutMs, check },
      ) => ({
        name,
        timeoutMs,
        run: async (signal: AbortSignal) => void await check(signal),
      })),
    ],
    degraded: () =>
      Object.fromEntries([
        ...breakersOf(dispatchers).flatMap((breaker) => {
          const { of, name, state: { kind } } = breaker, problem = breaker.problem();
          const faults = [...(kind === "closed" ? [] : [kind]), ...(problem === undefined ? [] : [redact(problem)])];
          return faults.length === 0 ? [] : [[`breaker of ${of} ${name}`, faults.join("; ")]];
        }),
        ...dispatchers.flatMap(({ pipeline: { rate, fn } }) => {
          const problem = rate?.problem();
          return problem === undefined ? [] : [[`rate of ${fn.name}`, redact(problem)]];
        }),
        ...[...topology.pauses].map(([name, pause]) => [`function ${name}`, pause]),
        ...topology.concerns().map((concern, i) => [`topology ${i + 1}`, concern]),
        ...unstored().map(({ functionName, message, error }) => [
          `settling of ${functionName}`,
          redact(`${message}: ${errorDetail(error).message}`),
        ]),
      ]),
  };
}
