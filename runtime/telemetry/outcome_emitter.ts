import type { Settled } from "../engine/observer.ts";

/** Emits each delivery that this process settles. Hot path: without listeners it costs a comparison. */
export class OutcomeEmitter {
  readonly #listeners = new Set<(settled: Settled) => void>();

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Adds a listener. Returns a function that removes it. */
  listen(listener: (settled: Settled) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls all listeners. Their errors are ignored, since a listener must not affect a delivery. */
  tell(settled: Settled): void {
    for (const listener of this.#listeners) {
      try {
        listener(settled);
      } catch {
        // see above
      }
    }
  }
}
