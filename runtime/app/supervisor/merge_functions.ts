import type { FunctionStatus } from "../../http/admin/function_routes.ts";

/** From the best to the worst that a breaker can be in. */
const STATES = ["unknown", "closed", "half-open", "open"];

/** What several processes of the same functions say of them, as one: in the order of the first. */
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
    // Of what it depends on each process knows what it has called.
    policy: { ...a.policy, dependencies: { ...b.policy.dependencies, ...a.policy.dependencies } },
    concurrency: a.concurrency + b.concurrency,
    inFlight: a.inFlight + b.inFlight,
    breaker: worst(a.breaker, b.breaker),
    dependencies: Object.fromEntries(
      [...names].map((name) => [name, worst(a.dependencies[name], b.dependencies[name])]),
    ),
    // The server's own counts: all of them ask for the same.
    pending: a.pending ?? b.pending,
    ackPending: a.ackPending ?? b.ackPending,
    delayedRetries: a.delayedRetries ?? b.delayedRetries,
    oldestWaitingMs: a.oldestWaitingMs ?? b.oldestWaitingMs,
    lastError: later(a.lastError, b.lastError),
  };
}

function worst(a = "unknown", b = "unknown"): string {
  return STATES.indexOf(a) >= STATES.indexOf(b) ? a : b;
}

function later(a: FunctionStatus["lastError"], b: FunctionStatus["lastError"]): FunctionStatus["lastError"] {
  if (!a || !b) return a ?? b;
  return a.at >= b.at ? a : b; // ISO 8601 in UTC: text sorts as time does
}
