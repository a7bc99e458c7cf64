import type { RateWindow } from "../core/rate_window.ts";

/** A window as it is stored. Its revision changes with each write; 0 if it was never written. */
export interface StoredWindow {
  readonly window: RateWindow;
  readonly revision: number;
}

/** Shares the windows of rate limits among processes. */
export interface RateStore {
  /** Reads a window. Rejects if the store does not answer. */
  read(functionName: string, key: string): Promise<StoredWindow>;
  /**
   * Replaces a window of that revision. Rejects if the store does not answer.
   *
   * @param ttlMs Milliseconds after which the server may remove the window.
   * @returns The new revision, or undefined if the window has another revision.
   */
  write(
    functionName: string,
    key: string,
    stored: StoredWindow,
    ttlMs: number,
  ): Promise<number | undefined>;
}

/** The store of rates, and where its failures are reported. */
export interface RatePorts {
  readonly store: RateStore;
  /** Called with the problem when the store fails, and with undefined once it answers again. */
  reportProblem(functionName: string, problem: string | undefined): void;
}
