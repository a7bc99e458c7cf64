import type { ResolvedFunction } from "../project/resolve_function.ts";
import { formatPolicy } from "../project/format_policy.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { FunctionStatus } from "../http/admin/function_routes.ts";
import type { FunctionLag } from "../nats/inspect/consumer_lag.ts";
import { formatDuration } from "../core/duration.ts";
import type { LastError } from "../telemetry/function_metrics.ts";

/**
 * What each function is, and how far behind. The lag is the server's own count.
 *
 * @param workers those of this process; without one a function's breaker and what it has in flight are unknown
 */
export function functionStatus(
  functions: readonly ResolvedFunction[],
  lags: ReadonlyMap<string, FunctionLag>,
  workers: readonly Dispatcher[] = [],
  lastErrorOf: (functionName: string) => LastError | undefined = () => undefined,
  redact: (text: string) => string = (text) => text,
): FunctionStatus[] {
  return functions.map((fn) => {
    const worker = workers.find(({ pipeline }) => pipeline.fn === fn);
    const dependencies = (worker?.pipeline.breakers ?? []).filter(({ of }) => of === "dependency");
    const lag = lags.get(fn.name), last = lastErrorOf(fn.name);
    return {
      name: fn.name,
      triggers: fn.triggers.map(({ pattern }) => pattern),
      emits: fn.emits.map(({ type }) => type),
      policy: formatPolicy(fn.policy, Object.fromEntries(dependencies.map(({ name, policy }) => [name, policy]))),
      attempts: fn.policy.retry.attempts,
      timeout: String(formatDuration(fn.policy.timeoutMs)),
      concurrency: fn.policy.concurrency,
      inFlight: worker?.inFlight ?? 0,
      breaker: worker?.pipeline.breaker.state.kind ?? "unknown",
      dependencies: Object.fromEntries(
        dependencies.map(({ name, state }) => [name, state.kind]),
      ),
      pending: lag?.pending,
      ackPending: lag?.ackPending,
      delayedRetries: lag?.delayedRetries,
      oldestWaitingMs: lag?.oldestWaitingMs,
      lastError: last && {
        at: new Date(last.atMs).toISOString(),
        reason: last.reason,
        error: redact(`${last.error.name}: ${last.error.message}`),
      },
    };
  });
}
