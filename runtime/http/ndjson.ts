import type { Context } from "@opentelemetry/api";
import type { Publisher, PublishListener, PublishResult } from "../engine/publisher.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { BatchSpan } from "./batch_span.ts";
import type { Reservation } from "./memory_budget.ts";
import { malformed } from "./request_body.ts";
import { type Line, LineSplitter } from "./line_splitter.ts";
import { late } from "./body_timeout.ts";
import { Problem } from "./problem.ts";
import { MAX_CONCURRENT } from "./map_concurrent.ts";

/** The most events of one request: of each a result is held until all are answered, some 150 bytes. */
export const MAX_EVENTS = 100_000;
/** The most of its results, in characters: those of events that are refused may be as long as the events. */
const MAX_RESULTS_LENGTH = 16 * 1_024 * 1_024;

/** What is done with the lines of a request. */
interface Bulk {
  /** Makes an event of a line. @param index its place among those of the request, from 0 */
  read(line: string, index: number, span: BatchSpan): OutgoingEvent;
  readonly publisher: Publisher;
  /** What is answered of a stored event, as JSON text. */
  resultOf(event: OutgoingEvent, stored: PublishResult): string;
  /** Why an event is not stored, for its result. */
  problemOf(error: unknown): Problem;
  /** What becomes of every event that has not begun when one was not stored for no fault of its own. */
  readonly untried: Problem;
}

/**
 * Publishes the event of each line while the body comes, {@linkcode MAX_CONCURRENT} at a time: with so many on their way
 * nothing is read, and so the caller is held up by TCP. What is held is a piece of the body, the events under way, and
 * the results. An event that is at fault has a result of its own; once one cannot be stored the rest is read, so that
 * the caller gets to read the answer, and not tried.
 */
export async function settleLines(
  request: Request,
  place: Reservation,
  within: Context,
  bulk: Bulk,
): Promise<Response> {
  const results: string[] = [], lines = new LineSplitter(place.maxBytes);
  const reader = request.body?.getReader();
  let underWay = 0, underWayLength = 0, resultsLength = 0, number = 0, stored = 0;
  let first: { readonly index: number; readonly problem: Problem } | undefined, outage: Problem | undefined;
  let wake = () => {};
  const untilFewer = (than: number) =>
    new Promise<void>((resolve) => {
      wake = () => {
        if (underWay < than) resolve();
      };
      wake();
    });

  const span = new BatchSpan(within);
  const settled = (index: number, result: string) => {
    results[index] = result;
    resultsLength += result.length;
  };
  const failed = (index: number, problem: Problem) => {
    if (!first || index < first.index) first = { index, problem };
    settled(index, failureOf(problem));
  };
  const over = (length: number) => {
    underWay--;
    underWayLength -= length;
    wake();
  };
  const on: OnLine = {
    stored: ({ event, index, length }, of) => {
      stored++;
      settled(index, bulk.resultOf(event, of));
      over(length);
    },
    failed: ({ index, number, length }, error) => {
      const problem = bulk.problemOf(error);
      if (problem.status === 503) outage ??= problem;
      failed(index, atLine(number, problem));
      over(length);
    },
  };
  const begin = (line: string, index: number, number: number) => {
    const { length } = line;
    underWay++;
    underWayLength += length;
    let event: OutgoingEvent;
    try {
      event = bulk.read(line, index, span);
    } catch (error) {
      return on.failed({ index, number, length }, error);
    }
    bulk.publisher.publish(event, new Begun(event, index, number, length, on, span));
  };
  const take = async (taken: readonly Line[]) => {
    for (const line of taken) {
      number++;
      const text = typeof line === "string" ? line.trim() : undefined;
      if (text === "") continue;
      if (underWay >= MAX_CONCURRENT) await untilFewer(MAX_CONCURRENT);
      if (results.length >= MAX_EVENTS || resultsLength > MAX_RESULTS_LENGTH) throw tooMany();
      const index = results.push("") - 1;
      if (outage) settled(index, failureOf(bulk.untried));
      else if (text === undefined) failed(index, atLine(number, line as Problem));
      else begin(text, index, number);
    }
  };

  let broken: Problem | undefined;
  try {
    const hold = (bytes: number) => place.hold(bytes + underWayLength + resultsLength);
    for (let more = reader !== undefined; more;) {
      const next = await nextLines(reader!, lines, place, hold);
      await take(next.lines);
      more = !next.done;
    }
  } catch (error) {
    broken = bulk.problemOf(error);
    await reader?.cancel().catch(() => {});
  }
  await untilFewer(1);
  span.end();
  const problem = broken ?? outage ?? first?.problem;
  const list = `[${results.join(",")}]`;
  if (!problem) return new Response(list, { status: 202, headers: { "content-type": "application/json" } });
  const told = `${stored} of ${results.length} events were stored: \`results\` says which`;
  const detail = broken ? `${broken.detail}; ${told}` : told;
  return new Problem(problem.status, problem.title, detail, { headers: problem.more.headers }).toResponse(list);
}

/** What is told of lines that were begun. */
interface OnLine {
  stored(line: Begun, of: PublishResult): void;
  failed(line: Pick<Begun, "index" | "number" | "length">, error: unknown): void;
}

/** A line whose event is on its way. It does not hold the line. */
class Begun implements PublishListener {
  constructor(
    readonly event: OutgoingEvent,
    readonly index: number,
    readonly number: number,
    readonly length: number,
    readonly on: OnLine,
    readonly span: BatchSpan,
  ) {}

  stored(of: PublishResult): void {
    this.on.stored(this, of);
  }

  failed(error: unknown): void {
    this.span.failed(error);
    this.on.failed(this, error);
  }
}

/** Reads until a line has ended. A caller that sends a byte now and then would else hold its place for ever. */
async function nextLines(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  lines: LineSplitter,
  place: Reservation,
  hold: (bytes: number) => void,
): Promise<{ readonly lines: readonly Line[]; readonly done: boolean }> {
  let isLate = false;
  const came = place.patience.wait(() => {
    isLate = true;
    void reader.cancel();
  });
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (isLate) throw late("no further line came");
      if (done) return { lines: lines.end(), done };
      hold(lines.bytes + value.length);
      const ended = lines.push(value);
      if (ended.length > 0) return { lines: ended, done };
    }
  } catch (error) {
    throw error instanceof Problem ? error : malformed("the body ended early");
  } finally {
    came();
  }
}

/** What is answered of an event that is not stored, as JSON text. */
export function failureOf({ status, title, detail, more }: Problem): string {
  return JSON.stringify({ status, title, detail, ...more.members });
}

function atLine(number: number, { status, title, detail, more }: Problem): Problem {
  return new Problem(status, title, `line ${number}: ${detail}`, more);
}

function tooMany(): Problem {
  const detail = `a request has ${MAX_EVENTS} events and ${MAX_RESULTS_LENGTH} characters of results at the most: ` +
    "send the rest in another";
  return new Problem(413, "Content Too Large", detail);
}
