import { systemClock } from "../engine/system_clock.ts";
import type { Clock } from "../engine/clock.ts";
import type { ClaimResult, IdempotencyStore } from "../engine/idempotency_store.ts";

interface Entry {
  state: "in-progress" | "done";
  readonly by: symbol;
  untilMs: number;
}

/**
 * Remembers in memory which events functions with `idempotency` have handled, with the leases of the real inbox.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke, MemoryIdempotencyStore } from "weir/testing";
 *
 * const once = defineFunction({ on: "demo.asked", idempotency: true }, () => {});
 *
 * const inbox = new MemoryIdempotencyStore();
 * await invoke(once, {}, { inbox });
 * const { outcome } = await invoke(once, {}, { inbox });
 * assert.deepEqual(outcome, { kind: "ack", skipped: "handled-before" });
 * ```
 */
export class MemoryIdempotencyStore implements IdempotencyStore {
  readonly #entries = new Map<string, Entry>();

  /** Goes by a clock, the system's unless given: by it claims and memories end. */
  constructor(readonly clock: Clock = systemClock) {}

  /** Claims an event for one delivery. */
  // deno-lint-ignore require-await -- as the real one answers
  async claim(functionName: string, key: string, leaseMs: number, ttlMs: number): Promise<ClaimResult> {
    const name = `${functionName}.${key}`, known = this.#entries.get(name), nowMs = this.clock.now();
    if (known && known.untilMs > nowMs) return { kind: known.state };
    const entry: Entry = { state: "in-progress", by: Symbol(), untilMs: nowMs + leaseMs };
    this.#entries.set(name, entry);
    return {
      kind: "claimed",
      claim: {
        complete: () => {
          this.#entries.set(name, { ...entry, state: "done", untilMs: this.clock.now() + ttlMs });
          return Promise.resolve();
        },
        release: () => {
          if (this.#entries.get(name)?.by === entry.by) this.#entries.delete(name);
          return Promise.resolve();
        },
      },
    };
  }
}
