import type { Span } from "@opentelemetry/api";
import type { z } from "zod";
import type { EventDefinition } from "./define_event.ts";

/**
 * What a handler may do and know besides its event. Take out of it what you need: a spread, `{ ...ctx }`, copies
 * nothing of it.
 *
 * @example
 * ```ts
 * import type { HandlerContext } from "weir";
 *
 * // A helper takes of the context what it needs.
 * export function note(ctx: HandlerContext, what: string) {
 *   ctx.log.info(what, { attempt: ctx.attempt });
 * }
 * ```
 */
export interface HandlerContext<Emits extends readonly EventDefinition[] = readonly EventDefinition[]> {
  /** Aborts at the function's timeout and when a shutdown's grace is over. Hand it to whatever takes one. */
  readonly signal: AbortSignal;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /**
   * Publishes an event once the handler has returned; a handler that throws publishes nothing. The id is derived
   * from function, event and position, so that another attempt does not publish it twice.
   *
   * @throws {TypeError} when the data does not match the event's schema, or the event is not in `emits`.
   */
  emit<Event extends Emits[number]>(event: Event, data: z.input<Event["data"]>, options?: EmitOptions): void;
  /** The circuit breaker around calls to something this function depends on, shared by name in this process. */
  dependency(name: string): Dependency;
  /** A NATS key-value bucket holding JSON, made on first use. */
  kv<Value = unknown>(bucket: string): KvBucket<Value>;
  /** Logs with the function, the event's id and type, the attempt and the trace id. */
  readonly log: Log;
  /** The span of this invocation. It is the active one as well, so instrumented libraries nest under it. */
  readonly span: Span;
}

/**
 * The context that a function's own handler gets: a {@linkcode HandlerContext} whose `emit` says of an event that is
 * not in `emits` just that, where the compiler would speak of `never`. Helpers take a `HandlerContext`, which this is.
 *
 * @example
 * ```ts
 * import { type EmittingContext, type EventDefinition, type HandlerContext } from "weir";
 *
 * // Whatever a function may emit, its context can be handed to helpers.
 * export function forHelpers<Emits extends readonly EventDefinition[]>(ctx: EmittingContext<Emits>): HandlerContext {
 *   return ctx;
 * }
 * ```
 */
// Apart from HandlerContext: two types of this shape compare only if their events are the same, and a helper's are not.
// `Event` is in every branch for the same reason: what is passed to a helper may then be any event.
export interface EmittingContext<Emits extends readonly EventDefinition[]> extends HandlerContext<Emits> {
  /** As {@linkcode HandlerContext.emit}. */
  emit<Event extends EventDefinition>(
    event: Event extends Emits[number] ? Event
      : string extends Event["type"] ? "an event itself, not its type, that is in `emits`" & Event
      : `${Event["type"]} is not in \`emits\`: add it there` & Event,
    data: z.input<Event["data"]>,
    options?: EmitOptions,
  ): void;
}

/**
 * What one `ctx.emit` may settle for itself.
 *
 * @example
 * ```ts
 * import { type EmitOptions } from "weir";
 *
 * // The order's own id: however often it is emitted, and by whom, it is stored once.
 * export const once = (orderId: string): EmitOptions => ({ id: `confirmed-${orderId}` });
 * ```
 */
export interface EmitOptions {
  /** The event's id, instead of the derived one. */
  readonly id?: string;
}

/**
 * A named circuit breaker around calls.
 *
 * @example
 * ```ts
 * import type { Dependency } from "weir";
 *
 * export async function rates(bank: Dependency): Promise<unknown> {
 *   const response = await bank.call((signal) => fetch("http://bank/rates", { signal }));
 *   return await response.json();
 * }
 * ```
 */
export interface Dependency {
  /**
   * Runs the call unless the breaker is open. An error it throws counts as a failure of the dependency.
   *
   * @throws {DependencyOpenError} when the breaker is open: let it pass, and the event is retried in time.
   */
  call<Value>(run: (signal: AbortSignal) => Value | Promise<Value>): Promise<Value>;
}

/**
 * One key's value and the revision it was written at.
 *
 * @example
 * ```ts
 * import type { KvBucket, KvEntry } from "weir";
 *
 * // Writes over what was read, and over nothing newer.
 * export function raise(bucket: KvBucket<number>, { key, value, revision }: KvEntry<number>) {
 *   return bucket.update(key, value + 1, revision);
 * }
 * ```
 */
export interface KvEntry<Value> {
  /** Its key. */
  readonly key: string;
  /** What was parsed of the JSON there. */
  readonly value: Value;
  /** Give it to `update` to write only if nobody else has. */
  readonly revision: number;
}

/**
 * A NATS key-value bucket holding JSON.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { KvBucket } from "weir";
 * import { MemoryKvStore } from "weir/testing";
 *
 * const seen: KvBucket<{ times: number }> = new MemoryKvStore().bucket("seen");
 * await seen.put("ada", { times: 1 });
 * assert.deepEqual(await seen.get("ada"), { key: "ada", value: { times: 1 }, revision: 1 });
 * ```
 */
export interface KvBucket<Value> {
  /** The entry, or undefined when there is none. */
  get(key: string): Promise<KvEntry<Value> | undefined>;
  /** Writes whatever is there; returns the new revision. */
  put(key: string, value: Value): Promise<number>;
  /** Writes only if there is no such key. @throws {KvConflictError} if there is. */
  create(key: string, value: Value): Promise<number>;
  /** Writes only over that revision. @throws {KvConflictError} if it has another. */
  update(key: string, value: Value, revision: number): Promise<number>;
  /** Removes the key. */
  delete(key: string): Promise<void>;
}

/**
 * Structured logging: a message and fields.
 *
 * @example
 * ```ts
 * import type { Log } from "weir";
 *
 * export function report(log: Log, error: Error) {
 *   log.error("the warehouse did not answer", { error, warehouse: "north" });
 * }
 * ```
 */
export interface Log {
  /** Detail that is not written by default. */
  debug(message: string, fields?: LogFields): void;
  /** Something worth knowing. */
  info(message: string, fields?: LogFields): void;
  /** Something that may become a problem. */
  warn(message: string, fields?: LogFields): void;
  /** Something that is one. */
  error(message: string, fields?: LogFields): void;
}

/**
 * Fields of a log line; an Error is written with its stack.
 *
 * @example
 * ```ts
 * import type { LogFields } from "weir";
 *
 * export const fields = (orderId: string): LogFields => ({ order: orderId });
 * ```
 */
export type LogFields = Readonly<Record<string, unknown>>;
