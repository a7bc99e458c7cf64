/** Lines of one kind that are written in a window: enough to see what varies between them. */
const DEFAULT_LIMIT = 50;
/** Milliseconds that a window lasts: a summary comes soon, and a lasting failure writes five lines a second. */
const DEFAULT_WINDOW_MS = 10_000;
/** Kinds that are tracked, which bounds memory. Lines of further kinds are all written. */
const MAX_KINDS = 1_000;
/** Number of characters by which texts are compared. They stay in memory for the whole window. */
const MAX_KIND = 500;

interface WindowClock {
  now(): number;
  /** Calls back once after `delayMs`; returns a function that cancels it. */
  timer(delayMs: number, callback: () => void): () => void;
}

interface Window {
  readonly untilMs: number;
  written: number;
  heldBack: number;
  /** Ends the window and summarises it. Set once it holds lines back. */
  end?: () => void;
}

/** Writes the summary of a window: how many lines it held back. */
type Summarise = (heldBack: number, windowMs: number) => void;

/**
 * Limits repeated log lines. When ten thousand events fail alike, the first fifty lines and a count of the others tell
 * as much as all of them, and can still be read.
 */
export class LogDedup {
  readonly #windows = new Map<string, Window>();

  constructor(readonly clock: WindowClock, readonly limit = DEFAULT_LIMIT, readonly windowMs = DEFAULT_WINDOW_MS) {}

  /**
   * Returns whether a line must not be written.
   *
   * @param functionName lines of different functions are of different kinds
   * @param text the message and its cause; lines that differ only in numbers and ids are of one kind
   * @param summarise called at the end of the window if it held lines back
   */
  holdsBack(level: string, functionName: unknown, text: string, summarise: Summarise): boolean {
    const kind = `${level} ${functionName} ${text.slice(0, MAX_KIND).replace(/[0-9a-f-]{16,}|\d+/gi, "#")}`,
      now = this.clock.now();
    let window = this.#windows.get(kind);
    if (!window || window.untilMs <= now && window.heldBack === 0) {
      if (!window && this.#windows.size >= MAX_KINDS && !this.#evict(now)) return false;
      window = { untilMs: now + this.windowMs, written: 0, heldBack: 0 };
      this.#windows.set(kind, window);
    }
    if (window.written < this.limit) {
      window.written++;
      return false;
    }
    if (window.heldBack++ === 0) this.#scheduleEnd(kind, window, summarise, now);
    return true;
  }

  end(): void {
    for (const { end } of [...this.#windows.values()]) end?.();
  }

  #scheduleEnd(kind: string, window: Window, summarise: Summarise, now: number): void {
    window.end = () => {
      cancel();
      this.#windows.delete(kind);
      summarise(window.heldBack, this.windowMs);
    };
    const cancel = this.clock.timer(Math.max(0, window.untilMs - now), window.end);
  }

  /** Removes windows that are over. Returns whether another kind can be tracked. */
  #evict(now: number): boolean {
    for (const [kind, { untilMs, heldBack }] of this.#windows) {
      if (untilMs <= now && heldBack === 0) this.#windows.delete(kind);
    }
    return this.#windows.size < MAX_KINDS;
  }
}
