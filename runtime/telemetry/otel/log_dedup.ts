import type { Clock } from "../../engine/clock.ts";

/** So many lines that say the same are written in a window. */
const FIRST = 50;
const WINDOW_MS = 10_000;
/** So many different ones are kept apart; what is beyond that is written as it comes. */
const MOST_KEYS = 1_000;

interface Window {
  readonly untilMs: number;
  written: number;
  heldBack: number;
}

/** Says, at the end of a window, how many lines were held back in it. */
type Summarise = (heldBack: number, windowMs: number) => void;

/**
 * Holds back what repeats itself: when ten thousand events fail in the same way, the first fifty lines and one that
 * counts the others say as much as all of them, and can still be read.
 */
export class LogDedup {
  readonly #windows = new Map<string, Window>();
  readonly #ends = new Map<string, () => void>();

  constructor(readonly clock: Clock, readonly first = FIRST, readonly windowMs = WINDOW_MS) {}

  /**
   * Whether to leave a line out.
   *
   * @param text what it says and why; numbers and ids in it make no difference
   */
  holdsBack(level: string, who: unknown, text: string, summarise: Summarise): boolean {
    const key = `${level} ${who} ${text.replace(/[0-9a-f-]{16,}|\d+/gi, "#")}`, now = this.clock.now();
    let window = this.#windows.get(key);
    if (!window || window.untilMs <= now && window.heldBack === 0) {
      if (!window && this.#windows.size >= MOST_KEYS && !this.#makeRoom(now)) return false;
      window = { untilMs: now + this.windowMs, written: 0, heldBack: 0 };
      this.#windows.set(key, window);
    }
    if (window.written < this.first) {
      window.written++;
      return false;
    }
    if (window.heldBack++ === 0) this.#endLater(key, window, summarise, now);
    return true;
  }

  /** Ends every window now. */
  end(): void {
    for (const end of [...this.#ends.values()]) end();
  }

  #endLater(key: string, window: Window, summarise: Summarise, now: number): void {
    const end = () => {
      cancel();
      this.#ends.delete(key);
      this.#windows.delete(key);
      summarise(window.heldBack, this.windowMs);
    };
    const cancel = this.clock.timer(Math.max(0, window.untilMs - now), end);
    this.#ends.set(key, end);
  }

  #makeRoom(now: number): boolean {
    for (const [key, { untilMs, heldBack }] of this.#windows) {
      if (untilMs <= now && heldBack === 0) this.#windows.delete(key);
    }
    return this.#windows.size < MOST_KEYS;
  }
}
