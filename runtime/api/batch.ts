import type { z } from "zod";
import type { Duration } from "../core/duration.ts";
import type { WeirEvent } from "../core/event.ts";
import type { EmitOptions, HandlerContext } from "./context.ts";
import type { EventDefinition } from "./define_event.ts";

/** Bounds of a function's batches. The first bound that is reached ends a batch. */
export interface BatchOptions {
  /** Greatest number of events, up to 10,000. */
  readonly size: number;
  /**
   * Longest time that the first event of a batch waits for more, up to an hour.
   *
   * @default {"1s"}
   */
  readonly maxWait?: Duration;
  /**
   * Payload bytes at which a batch is full. Its last event may exceed them.
   *
   * @default {4194304}
   */
  readonly maxBytes?: number;
}

/** Defaults of a function with `batch`. `concurrency` counts batches there. */
export const BATCH_DEFAULTS = { maxWait: "1s", maxBytes: 4 * 2 ** 20, concurrency: 1 } as const;

/** The events of one batch, which a handler gets together. */
export interface EventBatch<Event = WeirEvent> {
  /** Number of events. */
  readonly size: number;
  /**
   * Fails one event, as if it had been handled alone and the handler had thrown the error, which may be a
   * `NonRetryableError` or a `RetryAfterError`. If the handler returns, the other events are acked. If it throws, that
   * error counts for all events.
   *
   * @throws {TypeError} if the event is not of this batch
   */
  fail(event: Event, error: unknown): void;
}

/** Options of `ctx.emit` in a batch. */
export interface BatchEmitOptions<Event = WeirEvent> extends EmitOptions {
  /** Event of the batch that causes the emitted event. The id is derived from it. */
  readonly cause: Event;
}

/** Context of a run of a handler with a batch. Its log, span and calls are of the whole run. */
export interface BatchContext<
  Emits extends readonly EventDefinition[] = readonly EventDefinition[],
  Event = WeirEvent,
> extends Omit<HandlerContext<Emits>, "emit" | "cancel"> {
  /** The batch, to fail single events. */
  readonly batch: EventBatch<Event>;
  /**
   * Publishes an event once the handler has returned, unless it fails the event that is the `cause`. See
   * {@linkcode HandlerContext.emit}.
   *
   * @throws {TypeError} also if the cause is not of this batch
   */
  emit<Emitted extends EventDefinition>(
    event: Emitted extends Emits[number] ? Emitted : `${Emitted["type"]} is not in \`emits\`: add it there` & Emitted,
    data: z.input<Emitted["data"]>,
    options: BatchEmitOptions<Event>,
  ): void;
  /**
   * Cancels the delayed events of a key once the handler has returned, unless it fails the event that is the `cause`.
   * See {@linkcode HandlerContext.cancel}.
   *
   * @throws {TypeError} also if the cause is not of this batch
   */
  cancel(key: string, options: { readonly cause: Event }): void;
}
