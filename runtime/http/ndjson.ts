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
  let line = 0;
  try {
    for (let more = true; more;) {
      const { texts, done } = await nextLines(reader, splitter, reservation, heldLength);
      const lines: NdjsonLine[] = [];
      for (const text of texts) {
        line++;
        if (typeof text !== "string") {
          lines.push({ line, length: 0, text });
          continue;
        }
        const trimmed = text.trim();
        if (trimmed !== "") lines.push({ line, length: trimmed.length, text: trimmed });
      }
      more = !done;
      yield lines;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Reads until a line ends. The timeout covers the whole line: a caller that sends single bytes is not given more time. */
async function nextLines(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  splitter: LineSplitter,
  reservation: Reservation,
  heldLength: () => number,
): Promise<{ readonly texts: readonly Line[]; readonly done: boolean }> {
  let isLate = false;
  const arrived = reservation.timeout.start(() => {
    isLate = true;
    void reader.cancel();
  });
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (isLate) throw timedOut("no line ended");
      if (done) return { texts: splitter.end(), done };
      reservation.hold(splitter.bytes + value.length + heldLength());
      const texts = splitter.push(value);
      if (texts.length > 0) return { texts, done };
    }
  } catch (error) {
    throw error instanceof Problem ? error : malformed("the body ended early");
  } finally {
    arrived();
  }
}
