import { formatNumber } from "./output.ts";

/** Milliseconds between two updates of the line: often enough to seem live, seldom enough to read. */
const UPDATE_MS = 100;
/** Default target. Standard output is for the result, which may go to a file. */
const STDERR = {
  terminal: () => Deno.stderr.isTerminal(),
  write: (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  nowMs: () => performance.now(),
};

/** Shows how many items are done, on a line that is rewritten in place. Writes nothing to a pipe. */
export class Progress {
  #updatedMs: number;
  #visible = false;

  /** @param verb Past participle of what happens to each item, such as `stored`. */
  constructor(readonly verb: string, readonly total?: number, readonly to: typeof STDERR = STDERR) {
    this.#updatedMs = to.nowMs();
  }

  at(done: number): void {
    const nowMs = this.to.nowMs();
    if (nowMs - this.#updatedMs < UPDATE_MS || !this.to.terminal()) return;
    this.#updatedMs = nowMs;
    this.#visible = true;
    const all = this.total === undefined ? "" : ` of ${formatNumber(this.total)}`;
    this.to.write(`\r${formatNumber(done)}${all} ${this.verb}\x1b[K`);
  }

  /** Removes the line, so that the result takes its place. */
  end(): void {
    if (this.#visible) this.to.write("\r\x1b[K");
    this.#visible = false;
  }
}
