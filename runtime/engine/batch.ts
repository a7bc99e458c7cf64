import { type Context, INVALID_SPAN_CONTEXT, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import type { Outcome, Result } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";

/** An attempt whose turn to run has come, and that waits for the result of its batch. */
export interface Member {
  readonly attempt: Attempt;
  readonly resolve: (result: Result) => void;
}

/** Takes a start for each of several attempts. Resolves to an outcome for each that must not begin. */
export interface BatchStarts {
  takeAll(attempts: readonly Attempt[]): Promise<(Outcome | undefined)[]>;
}

/** An attempt that waits until all others of its batch ask for a start, or have left. */
interface Starting {
  readonly attempt: Attempt;
  readonly resolve: (outcome: Outcome | undefined) => void;
}

/**
 * Attempts that were collected to run together. Each passes the checks of the pipeline by itself, and may be refused
 * there, such as an event that was handled before. The batch runs when each attempt has joined or left.
 */
export class Batch {
  /** Span of the batch, and the context of its handler. */
  span: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  otelContext: Context = ROOT_CONTEXT;
  hasBegun = false;
  /** Runs of the handler. */
  runs = 0;
  /** Number of settled attempts by outcome. */
  readonly outcomes: Map<Outcome["kind"], number> = new Map();
  readonly #awaited: Set<Attempt>;
  readonly #joined: Member[] = [];
  #starting: Starting[] = [];
  #starts: BatchStarts | undefined;

  /** @param start Runs the attempts that have joined. There may be none. */
  constructor(readonly attempts: readonly Attempt[], readonly start: (members: readonly Member[]) => void) {
    this.#awaited = new Set(attempts);
    for (const attempt of attempts) attempt.batch = this;
  }

  /** Joins the run, and resolves to the attempt's own result. */
  join(attempt: Attempt): Promise<Result> {
    return new Promise((resolve) => {
      this.#joined.push({ attempt, resolve });
      this.leave(attempt);
    });
  }

  /**
   * Takes the starts of all attempts with one question, so that they begin together. Resolves to the outcome of an
   * attempt that must not begin.
   */
  takeStart(attempt: Attempt, starts: BatchStarts): Promise<Outcome | undefined> {
    this.#starts = starts;
    return new Promise((resolve) => {
      this.#starting.push({ attempt, resolve });
      this.#takeStarts();
    });
  }

  /** Records that the batch need not wait for an attempt any more. */
  leave(attempt: Attempt): void {
    if (!this.#awaited.delete(attempt)) return;
    if (this.#awaited.size === 0) this.start(this.#joined);
    else this.#takeStarts();
  }

  #takeStarts(): void {
    const starting = this.#starting;
    if (starting.length === 0 || starting.length < this.#awaited.size) return;
    this.#starting = [];
    void this.#starts!.takeAll(starting.map(({ attempt }) => attempt)).then((outcomes) => {
      starting.forEach(({ resolve }, at) => resolve(outcomes[at]));
    });
  }
}
