import { setImmediate } from "node:timers";
import type { Clock } from "../engine/clock.ts";
import { Problem } from "./problem.ts";

/** How long a body may take to come: a caller that never ends it must not hold a place for ever. */
export const BODY_TIMEOUT_MS = 30_000;

/** @param what did not happen in time */
export function late(what: string): Problem {
  return new Problem(408, "Request Timeout", `${what} within ${BODY_TIMEOUT_MS} ms`);
}

/**
 * Waits for callers, but not for ever. One timer serves all that are waited for, and there is none while nobody is, nor
 * before the turn is over: nearly every body is there with its head, and a timer costs as much as to read it.
 */
export class BodyTimeout {
  /** Since when each is waited for, the longest first. */
  readonly #waits = new Map<() => void, number>();
  #cancel: (() => void) | undefined;
  #looksSoon = false;

  constructor(readonly limitMs: number, readonly clock: Clock) {}

  /** Calls `late` once the limit is over, unless what it returns is called before. */
  wait(late: () => void): () => void {
    this.#waits.set(late, this.clock.now());
    if (!this.#cancel && !this.#looksSoon) {
      this.#looksSoon = true;
      setImmediate(() => this.#look());
    }
    return () => {
      this.#waits.delete(late);
      if (this.#waits.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #look(): void {
    this.#cancel = undefined;
    this.#looksSoon = false;
    const nowMs = this.clock.now();
    for (const [late, sinceMs] of this.#waits) {
      const leftMs = sinceMs + this.limitMs - nowMs;
      if (leftMs > 0) {
        this.#cancel = this.clock.timer(leftMs, () => this.#look());
        return;
      }
      this.#waits.delete(late);
      late();
    }
  }
}
