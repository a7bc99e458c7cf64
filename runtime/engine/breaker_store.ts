import type { SharedState, StoredState } from "../core/shared_breaker.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";

/** Shares the states of breakers among processes. A breaker has a key. */
export interface BreakerStore {
  /** Reads a state. Rejects if the store does not answer. */
  read(key: string): Promise<StoredState>;
  /**
   * Replaces the state of that revision. Rejects if the store does not answer.
   *
   * @param ttlMs Milliseconds after which the server may remove the state.
   * @returns The new revision, or undefined if the state has another revision.
   */
  write(key: string, state: SharedState, revision: number, ttlMs: number): Promise<number | undefined>;
  /** Calls back when another process may have changed the state, with its revision if that is known. */
  watch(key: string, listener: (revision?: number) => void): void;
}

/** The store of breakers with `shared`, and where its failures are reported. */
export interface BreakerPorts {
  readonly store: BreakerStore;
  /** Called with the problem when the store fails, and with undefined once it answers again. */
  reportProblem(breaker: Pick<CircuitBreaker, "of" | "name">, problem: string | undefined): void;
}
