import { timedOut } from "./body_timeout.ts";
import { type Line, LineSplitter } from "./line_splitter.ts";
import type { Reservation } from "./body_limits.ts";
import { malformed, Problem } from "./problem.ts";

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
 * @param heldLength characters that the caller holds of earlier lines, which count against the memory budget as well
 * @throws {Problem} 400 when the body ends early, 408 when no line ends in time, 503 when memory runs out.
 */
export async function* readLines(
  request: Request,
  reservation: Reservation,
  heldLength: () => number,
): AsyncGenerator<NdjsonLine[]> {
  const reader = request.body?.getReader();
  if (!reader) return;
  const splitter = new LineSplitter(reservation.maxBytes);
  let line = 0, done = false, isLate = false;
  const onTimeout = () => {
    isLate = true;
    void reader.cancel();
  };
  try {
    while (!done) {
      // The timeout covers a whole line that is not blank: neither single bytes nor blank lines extend it.
      const arrived = reservation.timeout.start(onTimeout), lines: NdjsonLine[] = [];
      try {
        while (lines.length === 0 && !done) {
          const { value, done: ended } = await reader.read();
          if (isLate) throw timedOut("no line ended");
          done = ended;
          if (value) reservation.hold(splitter.bytes + value.length + heldLength());
          for (const text of value ? splitter.push(value) : splitter.end()) addLine(lines, ++line, text);
        }
      } catch (error) {
        throw error instanceof Problem ? error : malformed("the body ended early");
      } finally {
        arrived();
      }
      yield lines;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function addLine(lines: NdjsonLine[], line: number, text: Line): void {
  const content = typeof text === "string" ? text.trim() : text;
  if (content !== "") lines.push({ line, length: typeof content === "string" ? content.length : 0, text: content });
}
