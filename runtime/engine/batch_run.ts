import type { BatchContext, BatchEmitOptions, EventBatch } from "../api/batch.ts";
import type { HandlerContext } from "../api/context.ts";
import type { EventDefinition } from "../api/define_event.ts";
import type { WeirEvent } from "../core/event.ts";
import type { Result } from "../core/outcome.ts";
import { describeValue } from "../project/option_schemas.ts";
import { Attempt } from "./attempt.ts";
import type { Batch } from "./batch.ts";
import { AttemptContext, type HandlerResources } from "./handler_context.ts";
import { resultOfThrown, takeEffects } from "./handler_runner.ts";

/**
 * One run of the handler with the events of several attempts. The runner takes it as one attempt. It has the span of
 * the batch, and a context for calls that concern no single event.
 */
export class BatchRun extends Attempt {
  /** Results of the events that the handler has failed, by event. */
  readonly failures = new Map<WeirEvent, Result>();
  readonly #attempts: ReadonlyMap<WeirEvent, Attempt>;
  /** Contexts of the events that the handler has named as a `cause`. */
  readonly #emitting = new Map<WeirEvent, AttemptContext>();
  #isEnded = false;

  /**
   * @param attempts At least one.
   * @param startedMs Start of the batch, from which its timeout counts.
   */
  constructor(
    readonly attempts: readonly Attempt[],
    { span, otelContext }: Batch,
    readonly resources: HandlerResources,
    startedMs: number,
  ) {
    const [{ fn, clock, delivery, lease, decoded, number, createLog }] = attempts;
    super(fn, clock, delivery, lease);
    Object.assign(this, { decoded, number, createLog, span, otelContext, handlerFromMs: startedMs });
    this.#attempts = new Map(attempts.map((attempt) => [attempt.event, attempt]));
  }

  get events(): WeirEvent[] {
    return [...this.#attempts.keys()];
  }

  /**
   * Returns the handler's context.
   *
   * @param base Context of the run, which middleware may have replaced.
   */
  contextFor(base: HandlerContext): BatchContext {
    const { replay } = this.delivery.history, events = this.events;
    const isShared = this.attempts.every(({ delivery }) => delivery.history.replay === replay);
    return new RunContext(base, isShared ? replay : undefined, {
      size: events.length,
      fail: (event, error) => void this.failures.set(this.#own(event, "ctx.batch.fail").event, resultOfThrown(error)),
    }, {
      emit: (event, data, options) => this.#emit(event, data, options),
      cancel: (key, { cause } = {}) => this.#contextOf(cause, "ctx.cancel(key, { cause })").cancel(key),
    });
  }

  /**
   * Ends the contexts of single events. If the handler returned, sets what each event that did not fail has emitted.
   */
  end(hasReturned: boolean): void {
    this.#isEnded = true;
    for (const [event, context] of this.#emitting) {
      context.end(false);
      if (hasReturned && !this.failures.has(event)) takeEffects(this.#attempts.get(event)!, context);
    }
  }

  #emit(event: EventDefinition, data: unknown, { cause, ...options }: Partial<BatchEmitOptions> = {}): void {
    this.#contextOf(cause, `${this.fn.name} emits ${event?.type}: ctx.emit(Event, data, { cause })`)
      .emit(event, data, options);
  }

  /** Returns the context of a single event. */
  #contextOf(cause: unknown, call: string): AttemptContext {
    const attempt = this.#own(cause, call), create = () => new AttemptContext(attempt, this.resources);
    return this.#emitting.getOrInsertComputed(attempt.event, create);
  }

  /** Returns the attempt of an event of the run. */
  #own(event: unknown, call: string): Attempt {
    const attempt = this.#attempts.get(event as WeirEvent);
    if (!attempt) {
      const given = describeValue((event as WeirEvent | undefined)?.id ?? event);
      throw new TypeError(`${call} takes an event of its batch, as the handler got it, not ${given}`);
    }
    if (this.#isEnded) throw new Error(`${call} after the handler returned: await whatever calls it`);
    return attempt;
  }
}

interface Effects extends Pick<BatchContext, "emit"> {
  cancel(key: string, options?: { readonly cause?: unknown }): void;
}

/** Context of a run. Its members are bound, since authors destructure it. */
class RunContext implements BatchContext {
  constructor(
    readonly base: HandlerContext,
    readonly replay: string | undefined,
    readonly batch: EventBatch,
    readonly effects: Effects,
  ) {}

  get emit(): BatchContext["emit"] {
    return this.effects.emit;
  }

  get cancel(): BatchContext["cancel"] {
    return this.effects.cancel;
  }

  get signal(): AbortSignal {
    return this.base.signal;
  }

  get attempt(): number {
    return this.base.attempt;
  }

  get log(): HandlerContext["log"] {
    return this.base.log;
  }

  get span(): HandlerContext["span"] {
    return this.base.span;
  }

  get dependency(): HandlerContext["dependency"] {
    return this.base.dependency;
  }

  get kv(): HandlerContext["kv"] {
    return this.base.kv;
  }

  get use(): HandlerContext["use"] {
    return this.base.use;
  }

  get now(): HandlerContext["now"] {
    return this.base.now;
  }
}
