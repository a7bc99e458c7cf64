import { systemClock } from "../engine/system_clock.ts";
import type { Clock } from "../engine/clock.ts";
import type { ClaimResult, IdempotencyStore } from "../engine/idempotency_store.ts";

interface Entry {
  readonly state: "in-progress" | "done";
  readonly untilMs: number;
}

/**
 * The events that functions with `idempotency` have handled, in memory. Claims expire as in production.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke, MemoryIdempotencyStore } from "weir/testing";
 *
 * const once = defineFunction({ on: "demo.asked", idempotency: true }, () => {});
 *
 * const idempotencyStore = new MemoryIdempotencyStore();
 * await invoke(once, {}, { idempotencyStore });
 * const { outcome } = await invoke(once, {}, { idempotencyStore });
 * assert.deepEqual(outcome, { kind: "ack", skipped: "handled-before" });
 * ```
 */
export class MemoryIdempotencyStore implements IdempotencyStore {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Pick<Clock, "now">;

  /** Creates an empty store. @param clock Decides when entries expire. Default: the system's clock. */
  constructor(clock: Pick<Clock, "now"> = systemClock) {
    this.#clock = clock;
  }

  /** Claims an event for one delivery. */
  // deno-lint-ignore require-await -- as asynchronous as the store of production
  async claim(functionName: string, key: string, leaseMs: number, ttlMs: number): Promise<ClaimResult> {
    const name = `${functionName}.${key}`, known = this.#entries.get(name), nowMs = this.#clock.now();
    if (known && known.untilMs > nowMs) return { kind: known.state };
    const entry: Entry = { state: "in-progress", untilMs: nowMs + leaseMs };
    this.#entries.set(name, entry);
    return {
      kind: "claimed",
      claim: {
        complete: () => {
          this.#entries.set(name, { ...entry, state: "done", untilMs: this.#clock.now() + ttlMs });
          return Promise.resolve();
        },
        release: () => {
          if (this.#entries.get(name) === entry) this.#entries.delete(name);
          return Promise.resolve();
        },
      },
    };
  }
}
