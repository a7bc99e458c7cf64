import type { Attempt } from "../engine/attempt.ts";
import type { Outcome } from "../core/outcome.ts";

/** One delivery that was settled: who handled what, and what came of it. */
export interface Settled {
  readonly attempt: Attempt;
  readonly outcome: Outcome;
  /** How long it took, from its bytes to its settlement. */
  readonly durationMs: number;
}

/** Tells whoever is listening of every delivery that this process settles. While nobody is, it costs a comparison. */
export class OutcomeEmitter {
  readonly #listeners = new Set<(settled: Settled) => void>();

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Returns what ends it. A listener that throws is heard of by nobody: it cannot change what it watches. */
  listen(listener: (settled: Settled) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(settled: Settled): void {
    for (const listener of this.#listeners) {
      try {
        listener(settled);
      } catch {
        // a listener's own affair
      }
    }
  }
}
