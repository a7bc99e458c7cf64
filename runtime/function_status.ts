import type { JetStreamManager } from "@nats-io/jetstream";
import type { BoundFunction } from "./authoring/bind_function.ts";
import type { Worker } from "./flow/worker.ts";
import type { FunctionStatus } from "./http/admin.ts";
import { durablesOf } from "./nats/topology.ts";
import { formatDuration } from "./rules/duration.ts";

/**
 * What each function is, and how far behind. The lag is the server's own count.
 *
 * @param workers those of this process; without one a function's breaker and what it has in flight are unknown
 */
export async function functionStatus(
  jsm: JetStreamManager | undefined,
  functions: readonly BoundFunction[],
  workers: readonly Worker[] = [],
): Promise<FunctionStatus[]> {
  return await Promise.all(functions.map(async (fn) => {
    const worker = workers.find(({ pipeline }) => pipeline.fn === fn);
    const lag = jsm && await lagOf(jsm, fn).catch(() => undefined);
    return {
      name: fn.name,
      triggers: fn.triggers.map(({ pattern }) => pattern),
      emits: fn.emits.map(({ type }) => type),
      attempts: fn.policy.retry.attempts,
      timeout: String(formatDuration(fn.policy.timeoutMs)),
      concurrency: fn.policy.concurrency,
      inFlight: worker?.inFlight ?? 0,
      breaker: worker?.pipeline.breaker.state.kind ?? "unknown",
      dependencies: Object.fromEntries(
        [...worker?.pipeline.gates ?? []]
          .filter(({ of }) => of === "dependency")
          .map(({ name, state }) => [name, state.kind]),
      ),
      pending: lag?.pending,
      ackPending: lag?.ackPending,
    };
  }));
}

async function lagOf(jsm: JetStreamManager, fn: BoundFunction): Promise<{ pending: number; ackPending: number }> {
  const infos = await Promise.all(durablesOf([fn]).map(({ stream }) => jsm.consumers.info(stream, fn.name)));
  return {
    pending: infos.reduce((sum, { num_pending }) => sum + num_pending, 0),
    ackPending: infos.reduce((sum, { num_ack_pending }) => sum + num_ack_pending, 0),
  };
}
