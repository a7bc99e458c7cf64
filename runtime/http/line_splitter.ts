import { joined, malformed } from "./request_body.ts";
import { Problem } from "./problem.ts";

const LF = 10;
/** The most bytes that one UTF-16 unit becomes in UTF-8. */
const BYTES_A_UNIT = 3;
const UTF8 = new TextDecoder("utf-8", { fatal: true });
const ENCODER = new TextEncoder();

/** A line, or why it cannot be one. */
export type Line = string | Problem;

/**
 * Cuts bytes that come in pieces into lines. Only the beginning of a line whose end has not come is held, and of one
 * that is too long nothing: it is skipped up to its end, and those behind it are lines again.
 */
export class LineSplitter {
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #skipping = false;

  /** @param maxBytes of one line */
  constructor(readonly maxBytes: number) {}

  /** How much is held, in bytes. */
  get bytes(): number {
    return this.#tailBytes;
  }

  /** Takes the next piece, and gives the lines that it ends. A line break is one byte, and no part of a character. */
  push(piece: Uint8Array): Line[] {
    const last = piece.lastIndexOf(LF);
    if (last < 0) {
      this.#keep(piece);
      return [];
    }
    const lines: Line[] = [];
    let from = 0;
    if (this.#skipping) {
      lines.push(this.#tooLong());
      this.#skipping = false;
      from = piece.indexOf(LF) + 1;
    }
    if (from <= last) lines.push(...this.#cut(piece.subarray(from, last)));
    this.#keep(piece.subarray(last + 1));
    return lines;
  }

  /** Gives the last line, which needs no line break. */
  end(): Line[] {
    if (this.#skipping) return [this.#tooLong()];
    return this.#tailBytes === 0 ? [] : this.#cut(new Uint8Array());
  }

  #keep(piece: Uint8Array): void {
    if (this.#skipping || piece.length === 0) return;
    this.#tail.push(piece);
    this.#tailBytes += piece.length;
    if (this.#tailBytes <= this.maxBytes) return;
    this.#skipping = true;
    this.#takeTail();
  }

  #takeTail(): Uint8Array[] {
    const tail = this.#tail;
    this.#tail = [];
    this.#tailBytes = 0;
    return tail;
  }

  #cut(bytes: Uint8Array): Line[] {
    const size = this.#tailBytes + bytes.length;
    const block = this.#tailBytes === 0 ? bytes : joined([...this.#takeTail(), bytes], size);
    try {
      return UTF8.decode(block).split("\n").map((line) => this.#isTooLong(line) ? this.#tooLong() : line);
    } catch {
      return this.#cutOneByOne(block);
    }
  }

  /** One of them is not UTF-8: the others are lines all the same. */
  #cutOneByOne(block: Uint8Array): Line[] {
    const lines: Line[] = [];
    for (let from = 0; from <= block.length;) {
      const next = block.indexOf(LF, from), end = next < 0 ? block.length : next, bytes = block.subarray(from, end);
      try {
        lines.push(bytes.length > this.maxBytes ? this.#tooLong() : UTF8.decode(bytes));
      } catch {
        lines.push(malformed("the line is not UTF-8 text"));
      }
      from = end + 1;
    }
    return lines;
  }

  #isTooLong(line: string): boolean {
    return line.length * BYTES_A_UNIT > this.maxBytes && ENCODER.encode(line).length > this.maxBytes;
  }

  #tooLong(): Problem {
    return new Problem(
      413,
      "Content Too Large",
      `the line is larger than ${this.maxBytes} bytes, the most that is taken`,
    );
  }
}
