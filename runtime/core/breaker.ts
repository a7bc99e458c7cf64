/** When a circuit breaker trips and how it recovers. */
export interface BreakerPolicy {
  /** Failures in a row that open it. */
  readonly consecutiveFailures: number;
  /** Failures count as one run only within this time from the run's first. */
  readonly intervalMs: number;
  /** How long it refuses everything. */
  readonly openForMs: number;
  /** How many may try at once when it is half open, and how many must succeed to close it. */
  readonly halfOpenProbes: number;
}

/**
 * A breaker's whole memory. `generation` counts changes of state, so that a result which began before the
 * last change can be told apart and dropped: it says nothing about the state that is being judged now.
 */
export type BreakerState =
  | {
    readonly kind: "closed";
    readonly generation: number;
    readonly failures: number;
    readonly firstFailureMs: number;
  }
  | { readonly kind: "open"; readonly generation: number; readonly untilMs: number }
  | {
    readonly kind: "half-open";
    readonly generation: number;
    readonly probing: number;
    readonly passed: number;
  };

/** What a call that was let through says about what it called. `ignored`: nothing, either way. */
export type Verdict = "success" | "failure" | "ignored";

/** The answer to "may this call go ahead?", and the state that the question left behind. */
type AdmitResult =
  | {
    readonly admitted: true;
    readonly state: BreakerState;
    readonly generation: number;
    readonly probe: boolean;
  }
  | { readonly admitted: false; readonly state: BreakerState; readonly retryAtMs: number };

/** How soon a call that found every probe taken may ask again, at most. */
const PROBES_TAKEN_RETRY_MS = 1_000;

/** The state every breaker starts in. */
export const CLOSED: BreakerState = { kind: "closed", generation: 0, failures: 0, firstFailureMs: 0 };

/** Asks for one call. A half-open breaker refuses what is not a probe; it never waits, for the ack clock runs. */
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

/** How many calls would be let through now. */
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

/** Reports how an admitted call ended. A report from an earlier generation changes nothing. */
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
