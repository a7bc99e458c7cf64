import { type BreakerPolicy, type BreakerState, CLOSED } from "./breaker.ts";

/**
 * Time, in milliseconds, for which a process holds the probes of a shared breaker. It renews the lease while a probe
 * runs, so this bounds how long a process that died holds up the others.
 */
export const PROBE_LEASE_MS = 5_000;
/** Interval, in milliseconds, at which that process renews it. */
export const PROBE_RENEW_MS = PROBE_LEASE_MS / 3;

/** Greatest generation that a process accepts from the store, since it adds to it, and another client may have written it. */
const MAX_GENERATION = 2 ** 50;

/** The state of a breaker that several processes share. `by` is the process that makes the probes. */
export type SharedState =
  | { readonly kind: "closed" | "open"; readonly generation: number }
  | { readonly kind: "half-open"; readonly generation: number; readonly by: string };

export interface StoredState {
  /** Undefined if nothing is stored, or what is stored is no state. */
  readonly state: SharedState | undefined;
  /** 0 if nothing is stored. It changes with each write. */
  readonly revision: number;
  /** Time by the server's clock, in milliseconds since 1970, from which the state lasts. */
  readonly storedAtMs: number;
}

/** A process that adopts a stored state, and its clocks. */
export interface Adopter {
  readonly policy: BreakerPolicy;
  readonly processId: string;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: number;
  /** Milliseconds since 1970 by the server's clock. */
  readonly serverNowMs: number;
}

/**
 * Returns the state of a process after it has read a stored state that is new to it. While another process makes the
 * probes, its breaker is open until that process's lease ends.
 *
 * Invariant: the generation grows, so that the results of calls from before the change are dropped.
 */
export function adopt(
  local: BreakerState,
  { state, storedAtMs }: StoredState,
  { policy, processId, nowMs, serverNowMs }: Adopter,
): BreakerState {
  if (!state || (state.kind === "half-open" && state.by === processId)) return local;
  const generation = Math.max(local.generation + 1, state.generation);
  if (state.kind === "closed") return { ...CLOSED, generation };
  const lastsMs = state.kind === "open" ? policy.openForMs : PROBE_LEASE_MS;
  // Bounded both ways: the server's clock may have been set since.
  const leftMs = Math.min(lastsMs, Math.max(0, storedAtMs + lastsMs - serverNowMs));
  return { kind: "open", generation, untilMs: nowMs + leftMs };
}

/** Returns whether two stored states are one. A bucket that is made again gives the same revisions to other states. */
export function isSameState({ state: a, revision }: StoredState, { state: b, revision: other }: StoredState): boolean {
  if (revision !== other || a?.kind !== b?.kind || a?.generation !== b?.generation) return false;
  return a?.kind !== "half-open" || b?.kind !== "half-open" || a.by === b.by;
}

/** Returns a stored state. Undefined for what is none, as by another client. */
export function readSharedState(value: unknown): SharedState | undefined {
  const { kind, generation, by } = Object(value) as Record<string, unknown>;
  if (!Number.isInteger(generation)) return undefined;
  const count = generation as number;
  if (count < 0 || count > MAX_GENERATION) return undefined;
  if (kind === "closed" || kind === "open") return { kind, generation: count };
  return kind === "half-open" && typeof by === "string" ? { kind, generation: count, by } : undefined;
}
