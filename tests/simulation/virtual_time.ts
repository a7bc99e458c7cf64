import type { Clock } from "../../runtime/engine/clock.ts";
import type { Random } from "./random.ts";

interface Timer {
  readonly atMs: number;
  readonly owner: object;
  readonly callback: () => void;
}

/** When every simulation begins. */
const START_MS = Date.UTC(2026, 0, 1);

/** One time for the server and for every runtime; it moves only when it is told to. */
export class VirtualTime {
  nowMs = START_MS;
  #timers: Timer[] = [];

  constructor(readonly random: Random) {}

  /** The clock of one runtime, whose timers end with it. */
  clockOf(owner: object): Clock {
    return {
      now: () => this.nowMs,
      random: () => this.random.next(),
      timer: (delayMs, callback) => {
        const timer = { atMs: this.nowMs + Math.max(0, Math.ceil(delayMs)), owner, callback };
        this.#timers.push(timer);
        return () => this.#remove(timer);
      },
    };
  }

  /** Its owner is gone, and so are its timers. */
  forget(owner: object): void {
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner);
  }

  /** When the next timer is due; Infinity when none is set. */
  nextMs(): number {
    let next = Infinity;
    for (const { atMs } of this.#timers) if (atMs < next) next = atMs;
    return next;
  }

  /** Moves on to a time that no timer is due before, and calls back what is due then. */
  moveTo(ms: number): void {
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
