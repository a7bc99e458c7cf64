import type { ServerClock } from "../../runtime/engine/clock.ts";
import type { Random } from "../support/random.ts";

interface Timer {
  readonly atMs: number;
  readonly owner: object;
  /** True if time does not stop at it: it runs when time has passed it. */
  readonly isBackground: boolean;
  readonly callback: () => void;
}

/** The time at which every simulation begins. */
const START_MS = Date.UTC(2026, 0, 1);

/** The time of the server. The schedule moves it. */
export class VirtualTime {
  nowMs = START_MS;
  #timers: Timer[] = [];
  /** Runtimes that stand still, and until when. */
  readonly #frozen = new Map<object, number>();

  constructor(readonly random: Random) {}

  /**
   * Returns the clock of one runtime. {@linkcode VirtualTime.removeTimers} removes its timers.
   *
   * @param offByMs by how much it is ahead of the server's clock
   * @param isBackground True if time does not stop at its timers.
   */
  clockOf(owner: object, offByMs: number, isBackground = false): ServerClock {
    return {
      now: () => this.nowMs + offByMs,
      serverNow: () => this.nowMs,
      random: () => this.random.next(),
      timer: (delayMs, callback) => {
        const timer = { atMs: this.nowMs + Math.max(0, Math.ceil(delayMs)), owner, isBackground, callback };
        this.#timers.push(timer);
        return () => this.#remove(timer);
      },
    };
  }

  /** Removes the timers of a runtime that has ended. */
  removeTimers(owner: object): void {
    this.#frozen.delete(owner);
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** Lets a runtime stand still until a time: its timers run after that. */
  freeze(owner: object, untilMs: number): void {
    this.#frozen.set(owner, untilMs);
  }

  thaw(owner: object): void {
    this.#frozen.delete(owner);
  }

  /** Returns the time of the next timer, or at which a runtime that stands still goes on; Infinity if there is none. */
  nextMs(): number {
    let next = Infinity;
    for (const untilMs of this.#frozen.values()) if (untilMs < next) next = untilMs;
    for (const timer of this.#timers) {
      if (timer.atMs < next && !timer.isBackground && !this.#frozen.has(timer.owner)) next = timer.atMs;
    }
    return Math.max(next, this.nowMs);
  }

  /** Sets the time, which only timers in the background may precede, and runs the timers that are due. */
  advanceTo(ms: number): void {
    for (let due = this.#due(ms); due; due = this.#due(ms)) {
      this.nowMs = Math.max(this.nowMs, due.atMs);
      this.#remove(due);
      due.callback();
    }
    this.nowMs = ms;
  }

  #due(ms: number): Timer | undefined {
    let due: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= ms && !(due && due.atMs <= timer.atMs) && !this.#frozen.has(timer.owner)) due = timer;
    }
    return due;
  }

  #remove(timer: Timer): void {
    const at = this.#timers.indexOf(timer);
    if (at >= 0) this.#timers.splice(at, 1);
  }
}
