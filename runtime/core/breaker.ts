/** Thresholds of a circuit breaker: when it opens, and how it closes again. */
export interface BreakerPolicy {
  /** Failures in a row that open it. */
  readonly consecutiveFailures: number;
  /** Longest time from the first failure of a run to its last. A later failure begins a new run. */
  readonly intervalMs: number;
  /** Time that it stays open before it lets probes through. */
  readonly openForMs: number;
  /** Calls that a half-open breaker admits, all of which must succeed to close it. */
  readonly halfOpenProbes: number;
  /** Whether all processes open and close it together. @default false */
  readonly shared?: boolean;
}

/**
 * The state of a circuit breaker. `generation` counts its changes: a result of a call that was admitted before the last
 * change has an older generation, and is dropped.
 */
export type BreakerState =
  | { readonly kind: "closed"; readonly generation: number; readonly failures: number; readonly firstFailureMs: number }
  | { readonly kind: "open"; readonly generation: number; readonly untilMs: number }
  | { readonly kind: "half-open"; readonly generation: number; readonly probing: number; readonly passed: number };

/** Result of an admitted call. `ignored` is neither a success nor a failure of the callee. */
export type Verdict = "success" | "failure" | "ignored";

/** Decision about one call, and the state after it. */
type AdmitResult =
  | {
    readonly admitted: true;
    readonly state: BreakerState;
    readonly generation: number;
    readonly probe: boolean;
  }
  | { readonly admitted: false; readonly state: BreakerState; readonly retryAtMs: number };

/** Longest delay, in milliseconds, before a call that found every probe taken may ask again. */
const PROBES_TAKEN_RETRY_MS = 1_000;

/** Initial state of every breaker. */
export const CLOSED: BreakerState = { kind: "closed", generation: 0, failures: 0, firstFailureMs: 0 };

/** Admits or refuses one call. A half-open breaker refuses all calls but its probes, instead of letting them wait. */
export function admit(state: BreakerState, policy: BreakerPolicy, nowMs: number): AdmitResult {
  if (state.kind === "closed") {
    return { admitted: true, state, generation: state.generation, probe: false };
  }
  if (permits(state, policy, nowMs) === 0) {
    const wait = Math.min(PROBES_TAKEN_RETRY_MS, policy.openForMs);
    return { admitted: false, state, retryAtMs: state.kind === "open" ? state.untilMs : nowMs + wait };
  }
  const next: BreakerState = state.kind === "open"
    ? { kind: "half-open", generation: state.generation + 1, probing: 1, passed: 0 }
    : { ...state, probing: state.probing + 1 };
  return { admitted: true, state: next, generation: next.generation, probe: true };
}

/** Returns the number of calls that would be admitted now. */
export function permits(state: BreakerState, policy: BreakerPolicy, nowMs: number): number {
  switch (state.kind) {
    case "closed":
      return Infinity;
    case "open":
      return nowMs < state.untilMs ? 0 : policy.halfOpenProbes;
    case "half-open":
      return Math.max(0, policy.halfOpenProbes - state.probing - state.passed);
  }
}

/** Records the result of an admitted call. A result of an earlier generation changes nothing. */
export function record(
  state: BreakerState,
  policy: BreakerPolicy,
  verdict: Verdict,
  generation: number,
  nowMs: number,
): BreakerState {
  if (generation !== state.generation || state.kind === "open") return state;
  if (state.kind === "half-open") {
    if (verdict === "failure") return open(state, policy, nowMs);
    const probing = state.probing - 1;
    if (verdict === "ignored") return { ...state, probing };
    const passed = state.passed + 1;
    return passed < policy.halfOpenProbes
      ? { ...state, probing, passed }
      : { ...CLOSED, generation: state.generation + 1 };
  }
  if (verdict === "ignored") return state;
  if (verdict === "success") return state.failures === 0 ? state : { ...state, failures: 0 };
  const sameRun = state.failures > 0 && nowMs - state.firstFailureMs <= policy.intervalMs;
  const failures = sameRun ? state.failures + 1 : 1;
  if (failures >= policy.consecutiveFailures) return open(state, policy, nowMs);
  return { ...state, failures, firstFailureMs: sameRun ? state.firstFailureMs : nowMs };
}

function open(state: BreakerState, policy: BreakerPolicy, nowMs: number): BreakerState {
  return { kind: "open", generation: state.generation + 1, untilMs: nowMs + policy.openForMs };
}
