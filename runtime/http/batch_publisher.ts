import { setImmediate } from "node:timers/promises";
import type { Context } from "@opentelemetry/api";
import type { OutgoingEvent } from "../core/event.ts";
import type { Publisher } from "../engine/publisher.ts";
import { BatchSpan } from "./batch_span.ts";
import type { Reservation } from "./body_limits.ts";
import { accepted, failedResult, storedResult } from "./publish_response.ts";
import { Problem } from "./problem.ts";
import { timedBody } from "./timed_body.ts";
import { LARGE } from "./turns.ts";

/**
 * Greatest number of events of one request that are pending at once: enough for full speed, few enough not to flood
 * JetStream.
 */
const MAX_PENDING = 256;
/** Greatest number of events of one request. A result of some 150 bytes is held for each until all are settled. */
export const MAX_EVENTS = 100_000;
/**
 * Greatest length of the results of one request, in characters. The result of a refused event may be as long as the
 * event.
 */
const MAX_RESULTS_LENGTH = 16 * 1_024 * 1_024;
/**
 * Length of results, in characters, from which a result leaves out the list of faults: 50 faults are many times as long
 * as their event.
 */
const MAX_DETAILED_LENGTH = 1_024 * 1_024;
/** Number of refused events after which other requests get a tick. A refusal takes time, and awaits nothing. */
const REFUSED_PER_TICK = 64;

const NOT_TRIED = failedResult(
  new Problem("unavailable", "not tried, since another event could not be stored"),
);

/** One event of a request, before it is prepared. */
interface Entry {
  /** Characters that are held until the event is settled. */
  readonly length: number;
  /** Line in the body, from 1, for the details of problems. */
  readonly line?: number;
}

/**
 * Publishes the events of one request, at most {@linkcode MAX_PENDING} at a time, and answers with one result for each.
 * While that many are pending it takes no further entries, so that TCP slows the caller down. If an event cannot be
 * stored and is not itself at fault, the remaining events are read but not tried, since each would wait as long. The
 * caller sends them again after reading the response.
 */
export class BatchPublisher {
  readonly #results: string[] = [];
  readonly #span: BatchSpan;
  #pending = 0;
  #pendingLength = 0;
  #resultsLength = 0;
  #stored = 0;
  /** Events that were refused since the last tick. */
  #refused = 0;
  #firstFailure: { readonly index: number; readonly problem: Problem } | undefined;
  #outage: Problem | undefined;
  /** Problem that ended the request early. */
  #aborted: Problem | undefined;
  #onSettled = () => {};

  /** @param reservation Memory of the request, of which pending entries and results take a part. */
  constructor(
    readonly publisher: Publisher,
    readonly problemOf: (error: unknown) => Problem,
    readonly reservation: Reservation,
    parent: Context,
  ) {
    this.#span = new BatchSpan(parent);
  }

  /**
   * Publishes every entry and returns the response.
   *
   * @param chunks entries in groups, as they arrive. An error ends the request.
   * @param prepare returns the event of an entry. An error is the result of that entry. `index` counts from 0.
   */
  async publish<E extends Entry>(
    chunks: AsyncIterable<readonly E[]> | Iterable<readonly E[]>,
    prepare: (entry: E, index: number) => OutgoingEvent,
  ): Promise<Response> {
    try {
      for await (const entries of chunks) {
        for (const entry of entries) {
          if (this.#pending >= MAX_PENDING) await this.#untilPendingBelow(MAX_PENDING);
          if (entry.length >= LARGE) await this.reservation.limits.turns.next();
          this.#take(entry, prepare);
          if (this.#refused < REFUSED_PER_TICK) continue;
          this.#refused = 0;
          this.#hold();
          await setImmediate();
        }
        this.#hold();
      }
    } catch (error) {
      this.#aborted = this.problemOf(error);
    }
    await this.#untilPendingBelow(1);
    this.#span.end();
    return this.#response();
  }

  #take<E extends Entry>(entry: E, prepare: (entry: E, index: number) => OutgoingEvent): void {
    if (this.#results.length >= MAX_EVENTS || this.#resultsLength > MAX_RESULTS_LENGTH) throw tooManyEvents();
    const index = this.#results.push("") - 1;
    if (this.#outage) return this.#addResult(index, NOT_TRIED);
    let event: OutgoingEvent;
    try {
      event = prepare(entry, index);
    } catch (error) {
      this.#refused++;
      return this.#addFailure(index, error, entry.line);
    }
    // Destructured, so that the listener does not keep the entry, and with it the text of a line, in memory.
    const { length, line } = entry, traced = { ...event, trace: this.#span.add(event.type) };
    this.#pending++;
    this.#pendingLength += length;
    this.publisher.publish(traced, {
      stored: (result) => {
        this.#stored++;
        this.#addResult(index, storedResult(traced, result));
        this.#settle(length);
      },
      failed: (error) => {
        this.#span.failed(error);
        this.#addFailure(index, error, line);
        this.#settle(length);
      },
    });
  }

  #hold(): void {
    this.reservation.hold(this.#pendingLength + this.#resultsLength, "events");
  }

  #untilPendingBelow(limit: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled = () => {
        if (this.#pending < limit) resolve();
      };
      this.#onSettled();
    });
  }

  #settle(length: number): void {
    this.#pending--;
    this.#pendingLength -= length;
    this.#onSettled();
  }

  #addFailure(index: number, error: unknown, line: number | undefined): void {
    const problem = this.problemOf(error);
    if (problem.code === "unavailable") this.#outage ??= problem;
    if (!this.#firstFailure || index < this.#firstFailure.index) this.#firstFailure = { index, problem };
    this.#addResult(index, failedResult(problem, line, this.#resultsLength > MAX_DETAILED_LENGTH));
  }

  #addResult(index: number, result: string): void {
    this.#results[index] = result;
    this.#resultsLength += result.length;
  }

  #response(): Response {
    const results = `[${this.#results.join(",")}]`, aborted = this.#aborted;
    const problem = aborted ?? this.#outage ?? this.#firstFailure?.problem;
    if (!problem) return accepted(timedBody(results, this.reservation));
    const summary = `${this.#stored} of ${this.#results.length} events were stored: \`results\` says which`;
    const detail = aborted ? `${aborted.detail}; ${summary}` : summary;
    const answer = new Problem(problem.code, detail, { headers: problem.options.headers }),
      json = JSON.stringify(answer);
    return answer.toResponse(timedBody(`${json.slice(0, -1)},"results":${results}}`, this.reservation));
  }
}

/** Returns the problem of a request with too many events or too long results. */
export function tooManyEvents(): Problem {
  const detail = `a request may have ${MAX_EVENTS} events and ${MAX_RESULTS_LENGTH} characters of results: ` +
    "send the rest in another";
  return new Problem("too-large", detail);
}
