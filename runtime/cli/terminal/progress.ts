/** How often a line is written again. */
const EVERY_MS = 100;
/** Where progress is shown: on the terminal of whoever waits for it, so not in standard output. */
const STDERR = {
  terminal: () => Deno.stderr.isTerminal(),
  write: (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  nowMs: () => performance.now(),
};

/** How far long work is, on a line that is rewritten in place; in a pipe nothing at all. */
export class Progress {
  readonly #terminal: boolean;
  readonly #startedMs: number;
  #shownMs = 0;
  #shown = false;

  /**
   * @param what is done to each, such as `stored`
   * @param total how many there are, where that is known
   */
  constructor(readonly what: string, readonly total?: number, readonly to: typeof STDERR = STDERR) {
    this.#terminal = to.terminal();
    this.#startedMs = to.nowMs();
  }

  /** So many are done. */
  at(done: number): void {
    const nowMs = this.to.nowMs();
    if (!this.#terminal || nowMs - Math.max(this.#shownMs, this.#startedMs) < EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#shown = true;
    const rate = Math.round(done / ((nowMs - this.#startedMs) / 1_000));
    const all = this.total === undefined ? "" : ` of ${count(this.total)}`;
    this.to.write(`\r${count(done)}${all} ${this.what}, ${count(rate)}/s\x1b[K`);
  }

  /** Takes the line away: the result comes in its place. */
  end(): void {
    if (this.#shown) this.to.write("\r\x1b[K");
    this.#shown = false;
  }
}

function count(number: number): string {
  return number.toLocaleString("en");
}
