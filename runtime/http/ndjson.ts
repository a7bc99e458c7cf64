import { strictText } from "../core/strict_text.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { type Reservation, timedOut } from "./body_limits.ts";
import { decodedBody } from "./content_encoding.ts";
import { malformed, Problem } from "./problem.ts";
import { endedEarly } from "./request_body.ts";

const LF = 10;
/** Greatest number of UTF-8 bytes that one UTF-16 code unit takes. */
const BYTES_PER_CODE_UNIT = 3;
/** Bytes that a line takes besides its text. A chunk of short lines takes many times its size. */
const LINE_BYTES = 100;
/**
 * Upper bound for the bytes of one body that become no event: blank lines, each counted as {@linkcode LINE_BYTES} more,
 * and what lines that are too large have beyond their limit. A few kilobytes of gzip may unpack to gigabytes of them.
 */
const MAX_WASTE_BYTES = 32 * 1_024 * 1_024;
const ENCODER = new TextEncoder();

type Line = string | Problem;

/** A line of NDJSON that is not blank. */
interface NdjsonLine {
  /** Position in the body, from 1; blank lines count. */
  readonly line: number;
  readonly length: number;
  /** Text without white space around it, or the problem of the line. */
  readonly text: Line;
}

/**
 * Reads the lines of a body as they arrive, in groups. Cancels the body when the caller stops early.
 *
 * @throws {Problem} 400 when the body ends early, 408 when no line ends in time, 413 when too much of it is no event, 503
 * when memory runs out.
 */
export async function* readLines(request: Request, reservation: Reservation): AsyncGenerator<NdjsonLine[]> {
  const reader = decodedBody(request)?.getReader();
  if (!reader) return;
  const { maxBytes, timeout } = reservation.limits, splitter = new LineSplitter(maxBytes);
  let line = 0, done = false, isLate = false, blankBytes = 0;
  const onTimeout = () => {
    isLate = true;
    void reader.cancel();
  };
  try {
    while (!done) {
      // The timeout covers a whole line that is not blank: neither single bytes nor blank lines extend it.
      const arrived = timeout.start(onTimeout), lines: NdjsonLine[] = [];
      try {
        while (lines.length === 0 && !done) {
          if (blankBytes + splitter.droppedBytes > MAX_WASTE_BYTES) throw wasteful(maxBytes);
          const { value, done: ended } = await reader.read();
          if (isLate) throw timedOut("no line ended");
          done = ended;
          if (value) reservation.hold(splitter.bytes + value.length);
          for (const text of value ? splitter.push(value) : splitter.end()) blankBytes += addLine(lines, ++line, text);
          if (value) reservation.hold(splitter.bytes + value.length + lines.length * LINE_BYTES);
        }
      } catch (error) {
        throw error instanceof Problem ? error : endedEarly(request);
      } finally {
        arrived();
      }
      yield lines;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Adds a line unless it is blank. Returns the bytes that a blank one costs, and 0 for any other. */
function addLine(lines: NdjsonLine[], line: number, text: Line): number {
  const content = typeof text === "string" ? text.trim() : text;
  if (content === "") return (text as string).length + LINE_BYTES;
  lines.push({ line, length: typeof content === "string" ? content.length : 0, text: content });
  return 0;
}

function wasteful(maxBytes: number): Problem {
  const detail = `more than ${MAX_WASTE_BYTES} bytes of the body are no event: blank lines, of which each counts ` +
    `${LINE_BYTES} bytes more, and what lines have beyond their limit of ${maxBytes} bytes: send fewer of them`;
  return new Problem("too-large", detail);
}

/**
 * Cuts chunks of bytes into lines. It holds the beginning of a line that has not ended yet. A line that grows too large
 * is dropped up to its end, and the lines after it are read as usual.
 */
class LineSplitter {
  readonly #tail = new ByteBuffer();
  #skipping = false;
  /** Bytes that lines which are too large have beyond {@linkcode maxBytes}. */
  droppedBytes = 0;

  /** @param maxBytes Greatest size of one line, in bytes. */
  constructor(readonly maxBytes: number) {}

  /** Bytes held of the line that has not ended yet. */
  get bytes(): number {
    return this.#tail.length;
  }

  /**
   * Takes the next chunk and returns the lines that end in it. It cuts at the byte LF, which no UTF-8 character
   * contains.
   */
  push(chunk: Uint8Array): Line[] {
    const last = chunk.lastIndexOf(LF);
    if (last < 0) {
      this.#keep(chunk);
      return [];
    }
    let lines: Line[] = [], from = 0;
    if (this.#skipping) {
      lines.push(this.#tooLarge());
      this.#skipping = false;
      from = chunk.indexOf(LF) + 1;
    }
    if (from <= last) lines = lines.concat(this.#cut(chunk.subarray(from, last)));
    this.#keep(chunk.subarray(last + 1));
    return lines;
  }

  /** Returns the last line, which needs no LF. */
  end(): Line[] {
    if (this.#skipping) return [this.#tooLarge()];
    return this.#tail.length === 0 ? [] : this.#cut(new Uint8Array());
  }

  #keep(bytes: Uint8Array): void {
    if (this.#skipping) this.droppedBytes += bytes.length;
    if (this.#skipping || bytes.length === 0) return;
    this.#tail.append(bytes);
    if (this.#tail.length <= this.maxBytes) return;
    this.#skipping = true;
    this.#tail.take();
  }

  #cut(bytes: Uint8Array): Line[] {
    let block = bytes;
    if (this.#tail.length > 0) {
      this.#tail.append(bytes);
      block = this.#tail.take();
    }
    try {
      // Hot path: decodes all lines at once.
      return strictText(block).split("\n").map((line) => this.#isTooLarge(line) ? this.#tooLarge() : line);
    } catch {
      return this.#cutOneByOne(block);
    }
  }

  /** Decodes each line alone, so that only lines that are not UTF-8 are refused. */
  #cutOneByOne(block: Uint8Array): Line[] {
    const lines: Line[] = [];
    for (let from = 0; from <= block.length;) {
      const next = block.indexOf(LF, from), end = next < 0 ? block.length : next, bytes = block.subarray(from, end);
      try {
        lines.push(bytes.length > this.maxBytes ? this.#tooLarge() : strictText(bytes));
      } catch {
        lines.push(malformed("the line is not UTF-8 text"));
      }
      from = end + 1;
    }
    return lines;
  }

  #isTooLarge(line: string): boolean {
    return line.length * BYTES_PER_CODE_UNIT > this.maxBytes && ENCODER.encode(line).length > this.maxBytes;
  }

  #tooLarge(): Problem {
    return new Problem("too-large", `the line is larger than the limit of ${this.maxBytes} bytes`);
  }
}
