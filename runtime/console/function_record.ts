import { errorPattern } from "../core/error_pattern.ts";
import { errorText, type Outcome, reasonOf } from "../core/outcome.ts";
import type { Settled } from "../engine/observer.ts";
import { Latencies, rounded } from "./latencies.ts";
import { WindowedCount } from "./windowed_count.ts";

/** Kinds of outcomes. `retry` used up an attempt and `deferred` did not; the handler of `skipped` did not run. */
export const KINDS = ["ack", "skipped", "retry", "deferred", "deadLetter", "leaseExpired"] as const;
export type Kind = typeof KINDS[number];

/** Seconds of one point of a series, and points that are kept: a quarter of an hour. */
export const STEP_SECONDS = 5, MAX_POINTS = 180;
/** Errors that are told apart. */
const MAX_ERRORS = 50;
/** Characters of an error that are shown. */
const MAX_ERROR = 2_000;

/** Columns of the series of a function: rates per second by kind, percentiles in milliseconds, and what waits. */
export const COLUMNS = [...KINDS, "p50", "p99", "running", "pending", "rate"] as const;
type Column = typeof COLUMNS[number];
export type Point = Readonly<Record<Column, number | null> & { t: number }>;

/** Errors of one reason that differ only in numbers, ids and quoted texts. */
export interface ErrorGroup {
  readonly reason: string;
  readonly error: string;
  count: number;
  readonly first: string;
  last: string;
  stream: string;
  sequence: number;
  id: string;
  type: string;
}

/** The deliveries of one function that this process has settled while the console is in use. */
export class FunctionRecord {
  readonly counts = Object.fromEntries(KINDS.map((kind) => [kind, new WindowedCount()])) as Record<Kind, WindowedCount>;
  /** Deliveries by trigger, and emitted events by type. */
  readonly triggers = new Map<string, WindowedCount>();
  readonly emits = new Map<string, WindowedCount>();
  readonly points: Point[] = [];
  #latencies = new Latencies();
  #previous = new Latencies();
  #stepTotals: Partial<Record<Kind, number>> = {};
  readonly #errors = new Map<string, ErrorGroup>();

  constructor(readonly redact: (text: string) => string) {}

  /** Hot path while the console is in use: called for each delivery. */
  settled({ attempt, outcome, durationMs }: Settled): void {
    const kind = kindOf(outcome), { trigger, emitted } = attempt;
    this.counts[kind].total++;
    if (kind === "ack" || kind === "retry" || kind === "deadLetter") this.#latencies.record(durationMs);
    if (trigger) countOf(this.triggers, trigger.pattern).total++;
    if (kind === "ack") { for (const { type } of emitted) countOf(this.emits, type).total++; }
    if (kind === "retry" || kind === "deadLetter") this.#addError(attempt, outcome);
  }

  mark(nowMs: number): void {
    for (const kind of KINDS) this.counts[kind].mark(nowMs);
    for (const count of [...this.triggers.values(), ...this.emits.values()]) count.mark(nowMs);
  }

  /** Returns a percentile of the last five to ten seconds. */
  percentile(share: number): number | null {
    return Latencies.percentile(share, this.#latencies, this.#previous);
  }

  /** Adds a point to the series. */
  step(t: number, waiting: Pick<Point, "running" | "pending" | "rate">): Point {
    const rates = Object.fromEntries(KINDS.map((kind) => {
      const { total } = this.counts[kind], before = this.#stepTotals[kind] ?? 0;
      this.#stepTotals[kind] = total;
      return [kind, rounded((total - before) / STEP_SECONDS)];
    })) as Record<Kind, number>;
    const [p50, p99] = [0.5, 0.99].map((share) => Latencies.percentile(share, this.#latencies));
    const point = { t, ...rates, p50, p99, ...waiting };
    this.points.push(point);
    if (this.points.length > MAX_POINTS) this.points.shift();
    [this.#latencies, this.#previous] = [this.#previous, this.#latencies];
    this.#latencies.reset();
    return point;
  }

  /** Returns the errors, those that came last first. */
  errors(): ErrorGroup[] {
    return [...this.#errors.values()].sort((a, b) => a.last < b.last ? 1 : -1);
  }

  #addError({ delivery: { stream, sequence }, event: { id, type } }: Settled["attempt"], outcome: Outcome): void {
    if (!("error" in outcome) || !outcome.error) return;
    const text = this.redact(errorText(outcome.error)).slice(0, MAX_ERROR), reason = reasonOf(outcome) ?? "";
    const key = `${reason} ${errorPattern(text)}`, at = new Date().toISOString(), known = this.#errors.get(key);
    if (known) {
      known.count++;
      Object.assign(known, { last: at, stream, sequence, id, type });
      return;
    }
    if (this.#errors.size >= MAX_ERRORS) this.#errors.delete(this.#errors.keys().next().value!);
    this.#errors.set(key, { reason, error: text, count: 1, first: at, last: at, stream, sequence, id, type });
  }
}

/** Returns the kind of an outcome. */
export function kindOf(outcome: Outcome): Kind {
  switch (outcome.kind) {
    case "ack":
      return outcome.skipped === undefined ? "ack" : "skipped";
    case "retry":
      return outcome.usesAttempt ? "retry" : "deferred";
    case "dead-letter":
      return "deadLetter";
    case "lease-expired":
      return "leaseExpired";
  }
}

function countOf(counts: Map<string, WindowedCount>, key: string): WindowedCount {
  return counts.getOrInsertComputed(key, () => new WindowedCount());
}
