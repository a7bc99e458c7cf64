import type { FunctionStatus } from "../../http/admin/function_routes.ts";

/** States of a breaker, from best to worst. */
const BREAKER_STATES = ["unknown", "closed", "half-open", "open"];

/** Merges the statuses that several processes report of the same functions, in the order of the first process. */
export function mergeFunctions(all: readonly (readonly FunctionStatus[])[]): FunctionStatus[] {
  const merged = new Map<string, FunctionStatus>();
  for (const status of all.flat()) {
    const before = merged.get(status.name);
    merged.set(status.name, before ? mergeTwo(before, status) : status);
  }
  return [...merged.values()];
}

function mergeTwo(a: FunctionStatus, b: FunctionStatus): FunctionStatus {
  const names = new Set([...Object.keys(a.dependencies), ...Object.keys(b.dependencies)]);
  return {
    ...a,
    // A process knows the policies of the dependencies that it has called.
    policy: { ...a.policy, dependencies: { ...b.policy.dependencies, ...a.policy.dependencies } },
    concurrency: a.concurrency + b.concurrency,
    inFlight: a.inFlight + b.inFlight,
    breaker: worst(a.breaker, b.breaker),
    dependencies: Object.fromEntries(
      [...names].map((name) => [name, worst(a.dependencies[name], b.dependencies[name])]),
    ),
    // Counts of the server, which are equal in every process.
    pending: a.pending ?? b.pending,
    ackPending: a.ackPending ?? b.ackPending,
    delayedRetries: a.delayedRetries ?? b.delayedRetries,
    oldestWaitingMs: a.oldestWaitingMs ?? b.oldestWaitingMs,
    lastError: later(a.lastError, b.lastError),
  };
}

function worst(a = "unknown", b = "unknown"): string {
  return BREAKER_STATES.indexOf(a) >= BREAKER_STATES.indexOf(b) ? a : b;
}

function later(a: FunctionStatus["lastError"], b: FunctionStatus["lastError"]): FunctionStatus["lastError"] {
  if (!a || !b) return a ?? b;
  return a.at >= b.at ? a : b; // ISO 8601 in UTC sorts as text
}
