import type { Clock } from "./clock.ts";
import { Slots, type Slotted } from "./slots.ts";

export interface RunningHandler extends Slotted {
  /** Start by the clock's `now()`. */
  readonly startedMs: number;
}

/** The handlers of a function that run asynchronously. One timer serves the timeouts of all. */
export class RunningHandlers<Handler extends RunningHandler> {
  readonly #handlers = new Slots<Handler>();
  #cancelTimer: (() => void) | undefined;

  /** @param expire Ends a handler that has run for `timeoutMs`, by {@linkcode delete}. */
  constructor(readonly timeoutMs: number, readonly clock: Clock, readonly expire: (handler: Handler) => void) {}

  add(handler: Handler): void {
    this.#handlers.add(handler);
    if (!this.#cancelTimer) this.#setTimer(handler.startedMs);
  }

  /** Removes a handler. Returns whether it was running. */
  delete(handler: Handler): boolean {
    return this.#handlers.delete(handler);
  }

  /** Returns the running handlers, the earliest first. */
  list(): Handler[] {
    return [...this.#handlers].sort((a, b) => a.startedMs - b.startedMs);
  }

  stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #setTimer(startedMs: number): void {
    const delayMs = Math.max(0, startedMs + this.timeoutMs - this.clock.now());
    this.#cancelTimer = this.clock.timer(delayMs, () => this.#fire());
  }

  #fire(): void {
    const now = this.clock.now();
    for (const handler of this.list()) {
      if (handler.slot < 0) continue; // ended by one that expired before it
      if (handler.startedMs + this.timeoutMs > now) return this.#setTimer(handler.startedMs);
      this.expire(handler);
    }
    this.#cancelTimer = undefined;
    const [started] = this.list(); // by one that expired
    if (started) this.#setTimer(started.startedMs);
  }
}
