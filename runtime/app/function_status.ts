import type { ResolvedFunction } from "../project/resolve_function.ts";
import { formatPolicy } from "../project/format_policy.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import type { KeyShares } from "../engine/key_shares.ts";
import type { PartitionedOrder } from "../engine/partitioned_order.ts";
import type { KeyedOrder } from "../engine/keyed_order.ts";
import type { RateLimit } from "../engine/rate_limit.ts";
import type { Dispatcher } from "../engine/dispatcher.ts";
import type { FunctionStatus } from "../http/admin/function_routes.ts";
import type { FunctionLag } from "../nats/inspect/consumer_lag.ts";
import { formatDuration } from "../core/duration.ts";
import { errorText } from "../core/outcome.ts";
import { inFlightOf } from "./metering.ts";
import type { LastError } from "../telemetry/metered_observer.ts";

function rateStatus(rate: RateLimit): FunctionStatus["rate"] {
  const problem = rate.problem();
  return { state: problem ? "local" : rate.permits() === 0 ? "used-up" : "free", waiting: rate.waiting };
}

function keyStatus({ keys: known, waiting, skipped }: KeyShares): FunctionStatus["keys"] {
  return { known, waiting, skipped };
}

function orderStatus(order: KeyedOrder | PartitionedOrder): FunctionStatus["order"] {
  const { state, unsettled, blockedKeys, parkedKeys } = order, held = "held" in order ? order.held : undefined;
  return { state, waiting: unsettled, blockedKeys, parkedKeys, ...(held && { partitions: held }) };
}

/**
 * Returns the status of each function: its policy, its backlog by the server's count, and its breakers.
 *
 * @param dispatchers Dispatchers of this process. The state of a breaker is unknown for a function that has no
 * dispatcher here. Default: none.
 * @param problemOf Returns why a function pulls nothing in this process. Default: not known.
 */
export function functionStatus(
  functions: readonly ResolvedFunction[],
  lags: ReadonlyMap<string, FunctionLag>,
  dispatchers: readonly Dispatcher[] = [],
  lastErrorOf: (functionName: string) => LastError | undefined = () => undefined,
  redact: (text: string) => string = (text) => text,
  problemOf: (functionName: string) => string | undefined = () => undefined,
): FunctionStatus[] {
  return functions.map((fn) => {
    const dispatcher = dispatchers.find(({ pipeline }) => pipeline.fn === fn);
    const breakers = dispatcher?.pipeline.breakers ?? [], alone = notShared(breakers, redact);
    const dependencies = breakers.filter(({ of }) => of === "dependency");
    const lag = lags.get(fn.name), last = lastErrorOf(fn.name);
    const order = dispatcher?.pipeline.order ?? dispatcher?.pipeline.partitioned, problem = problemOf(fn.name);
    return {
      name: fn.name,
      triggers: fn.triggers.map(({ pattern }) => pattern),
      ...(schedulesOf(fn).length > 0 && { schedules: schedulesOf(fn) }),
      emits: fn.emits.map(({ type }) => type),
      ...(fn.needs && { needs: fn.needs.map(({ name }) => name) }),
      policy: formatPolicy(fn.policy, Object.fromEntries(dependencies.map(({ name, policy }) => [name, policy]))),
      attempts: fn.policy.retry.attempts,
      timeout: String(formatDuration(fn.policy.timeoutMs)),
      concurrency: fn.policy.concurrency,
      ...(dispatcher?.pipeline.adaptive && { limit: dispatcher.pipeline.adaptive.limit }),
      inFlight: dispatcher ? inFlightOf(dispatcher) : 0,
      breaker: dispatcher?.pipeline.breaker.state.kind ?? "unknown",
      dependencies: Object.fromEntries(
        dependencies.map(({ name, state }) => [name, state.kind]),
      ),
      ...(alone.length > 0 && { notShared: Object.fromEntries(alone) }),
      ...(dispatcher?.pipeline.rate && { rate: rateStatus(dispatcher.pipeline.rate) }),
      ...(dispatcher?.pipeline.shares && { keys: keyStatus(dispatcher.pipeline.shares) }),
      ...(order && { order: orderStatus(order) }),
      pending: lag?.pending,
      ackPending: lag?.ackPending,
      delayedRetries: lag?.delayedRetries,
      oldestWaitingMs: lag?.oldestWaitingMs,
      ...(lag?.pausedUntil && { pausedUntil: lag.pausedUntil }),
      ...(problem !== undefined && { problem }),
      lastError: last && {
        at: new Date(last.atMs).toISOString(),
        reason: last.reason,
        error: redact(errorText(last.error)),
      },
    };
  });
}

/** Returns the problems of the breakers that cannot be shared, by their names. */
function notShared(breakers: readonly CircuitBreaker[], redact: (text: string) => string): [string, string][] {
  return breakers.flatMap((breaker) => {
    const problem = breaker.problem();
    return problem === undefined ? [] : [[`${breaker.of} ${breaker.name}`, redact(problem)] as [string, string]];
  });
}

/** Returns the schedules of a function as a status shows them. */
function schedulesOf({ triggers }: ResolvedFunction): NonNullable<FunctionStatus["schedules"]> {
  return triggers.flatMap(({ pattern: type, schedule }) =>
    schedule ? [{ type, schedule: schedule.text, catchUp: schedule.catchUp }] : []
  );
}
