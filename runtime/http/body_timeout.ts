import { setImmediate } from "node:timers";
import type { Clock } from "../engine/clock.ts";
import { Problem } from "./problem.ts";

/** Milliseconds that a body, or a line of NDJSON, may take to arrive. A caller that stalls must not keep memory. */
export const BODY_TIMEOUT_MS = 30_000;

/** Returns the problem of a body that is late. @param what a clause, such as `no line ended` */
export function timedOut(what: string): Problem {
  return new Problem("timeout", `${what} within ${BODY_TIMEOUT_MS} ms`);
}

/**
 * Times the arrival of bodies. Hot path: all bodies share one timer, and none is set before the end of the event-loop
 * tick, since nearly every body arrives with its headers and a timer costs as much as reading it.
 */
export class BodyTimeout {
  /** Start of each body by its callback, the earliest first. */
  readonly #starts = new Map<() => void, number>();
  #cancelTimer: (() => void) | undefined;
  #checksThisTick = false;

  constructor(readonly limitMs: number, readonly clock: Clock) {}

  /** Calls `onTimeout` after the limit, unless the returned function is called before. */
  start(onTimeout: () => void): () => void {
    this.#starts.set(onTimeout, this.clock.now());
    if (!this.#cancelTimer && !this.#checksThisTick) {
      this.#checksThisTick = true;
      setImmediate(() => this.#check());
    }
    return () => {
      this.#starts.delete(onTimeout);
      if (this.#starts.size > 0) return;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    };
  }

  /** Times out what is due, and sets the timer for the next. */
  #check(): void {
    this.#cancelTimer = undefined;
    this.#checksThisTick = false;
    const nowMs = this.clock.now();
    for (const [onTimeout, startMs] of this.#starts) {
      const leftMs = startMs + this.limitMs - nowMs;
      if (leftMs > 0) {
        this.#cancelTimer = this.clock.timer(leftMs, () => this.#check());
        return;
      }
      this.#starts.delete(onTimeout);
      onTimeout();
    }
  }
}
