import type { ServerClock } from "../../runtime/engine/clock.ts";
import type { Random } from "../support/random.ts";

interface Timer {
  readonly atMs: number;
  readonly owner: object;
  readonly callback: () => void;
}

/** The time at which every simulation begins. */
const START_MS = Date.UTC(2026, 0, 1);

/** The time of the server. The schedule moves it. */
export class VirtualTime {
  nowMs = START_MS;
  #timers: Timer[] = [];

  constructor(readonly random: Random) {}

  /**
   * Returns the clock of one runtime. {@linkcode VirtualTime.removeTimers} removes its timers.
   *
   * @param offByMs by how much it is ahead of the server's clock
   */
  clockOf(owner: object, offByMs: number): ServerClock {
    return {
      now: () => this.nowMs + offByMs,
      serverNow: () => this.nowMs,
      random: () => this.random.next(),
      timer: (delayMs, callback) => {
        const timer = { atMs: this.nowMs + Math.max(0, Math.ceil(delayMs)), owner, callback };
        this.#timers.push(timer);
        return () => this.#remove(timer);
      },
    };
  }

  /** Removes the timers of a runtime that has ended. */
  removeTimers(owner: object): void {
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** Returns the time of the next timer; Infinity if there is none. */
  nextMs(): number {
    let next = Infinity;
    for (const { atMs } of this.#timers) if (atMs < next) next = atMs;
    return next;
  }

  /** Sets the time, which no timer may precede, and runs the timers that are due. */
  advanceTo(ms: number): void {
    this.nowMs = ms;
    for (let due = this.#due(); due; due = this.#due()) {
      this.#remove(due);
      due.callback();
    }
  }

  #due(): Timer | undefined {
    let due: Timer | undefined;
    for (const timer of this.#timers) if (timer.atMs <= this.nowMs && !(due && due.atMs <= timer.atMs)) due = timer;
    return due;
  }

  #remove(timer: Timer): void {
    const at = this.#timers.indexOf(timer);
    if (at >= 0) this.#timers.splice(at, 1);
  }
}
