import type { Span } from "@opentelemetry/api";
import type { z } from "zod";
import type { Duration } from "../core/duration.ts";
import type { EventDefinition } from "./define_event.ts";
import type { ResourceDefinition } from "./define_resource.ts";

/**
 * Context of one run of a handler. Destructure it, as in `({ data }, { emit, log })`; a spread, `{ ...ctx }`, copies
 * none of its members.
 */
export interface HandlerContext<Emits extends readonly EventDefinition[] = readonly EventDefinition[]> {
  /** Aborts at the function's timeout, and at the end of a shutdown's grace. Pass it to every call that takes one. */
  readonly signal: AbortSignal;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /**
   * Publishes an event once the handler has returned; a handler that throws publishes nothing. The id is derived from
   * function, event and position, so that a further attempt publishes no duplicate (in a
   * work queue: within the duplicate window).
   *
   * @throws {TypeError} if the data does not match the event's schema, or the event is not in `emits`
   */
  emit<Event extends Emits[number]>(event: Event, data: z.input<Event["data"]>, options?: EmitOptions): void;
  /**
   * Cancels the delayed events of a key that are not published yet, whichever function of the project emitted them. It
   * takes effect once the handler has returned, before new events are stored. An event that was published already
   * stays, and a key without a pending event is no error.
   *
   * @throws {TypeError} if the key is not a non-empty text
   */
  cancel(key: string): void;
  /** Returns the circuit breaker of a dependency; functions of one process share it by name. */
  dependency(name: string): Dependency;
  /** Returns a NATS key-value bucket of JSON values, created on first use. */
  kv<Value = unknown>(bucket: string): KvBucket<Value>;
  /** Returns the value of a resource, as its `get()` does. @throws {Error} if it is not open */
  use<Value>(resource: ResourceDefinition<Value>): Value;
  /** Logger that adds the function, the event's id and type, the attempt and the trace id. */
  readonly log: Log;
  /** Id of the replay (`deno task replay`) that brought the event to this function again; undefined for none. */
  readonly replay?: string | undefined;
  /** Returns the server's time in milliseconds since 1970; in a test, the time of its `TestClock`. */
  now(): number;
  /** Span of this attempt. It is active as well, so spans of instrumented libraries are its children. */
  readonly span: Span;
}

/**
 * Context of a function's own handler: a {@linkcode HandlerContext} whose `emit` gives a readable compiler error for an
 * event that is not in `emits`. Helpers take a `HandlerContext`.
 */
// This is a separate type because TypeScript takes two conditional types as assignable only with equal type arguments,
// and the events of a helper differ from those of its caller. `Event` is in every branch for the same reason.
export interface EmittingContext<Emits extends readonly EventDefinition[]> extends HandlerContext<Emits> {
  /** See {@linkcode HandlerContext.emit}. */
  emit<Event extends EventDefinition>(
    event: Event extends Emits[number] ? Event
      : string extends Event["type"] ? "an event itself, not its type, that is in `emits`" & Event
      : `${Event["type"]} is not in \`emits\`: add it there` & Event,
    data: z.input<Event["data"]>,
    options?: EmitOptions,
  ): void;
}

/** Options of one `ctx.emit`. */
export interface EmitOptions {
  /** Id of the event, unique among what the function emits. Default: derived from function, event and position. */
  readonly id?: string;
  /** Delay after which the event is published, counted from this call. Default: none. */
  readonly delay?: Duration;
  /** Time at which the event is published, in place of `delay`; a time in the past is at once. Default: at once. */
  readonly at?: Date;
  /** Key by which `ctx.cancel` cancels a delayed event. Several events may have one key. Default: none. */
  readonly key?: string;
}

/** Circuit breaker around the calls of a dependency. */
export interface Dependency {
  /**
   * Runs the call unless the breaker is open. A thrown error counts as a failure of the dependency.
   *
   * @throws {DependencyOpenError} while the breaker is open; uncaught, it makes the runtime retry the event
   */
  call<Value>(run: (signal: AbortSignal) => Value | Promise<Value>): Promise<Value>;
}

/** Entry of a key-value bucket. */
export interface KvEntry<Value> {
  /** Key of the entry. */
  readonly key: string;
  /** Value, parsed from JSON. */
  readonly value: Value;
  /** Revision of the entry. Pass it to `update` to write only over this revision. */
  readonly revision: number;
}

/** NATS key-value bucket of JSON values. */
export interface KvBucket<Value> {
  /** Returns the entry, or undefined if there is none. */
  get(key: string): Promise<KvEntry<Value> | undefined>;
  /** Writes the key, whether it exists or not. Returns its new revision. */
  put(key: string, value: Value): Promise<number>;
  /** Writes a key that does not exist. @throws {KvConflictError} if it exists */
  create(key: string, value: Value): Promise<number>;
  /** Writes the value if the key still has this revision. @throws {KvConflictError} if it has another */
  update(key: string, value: Value, revision: number): Promise<number>;
  /** Removes the key. */
  delete(key: string): Promise<void>;
}

/**
 * Structured logger. Its methods are bound and take anything, so that `.catch(log.error)` logs a thrown value. A
 * message is text or an error. Fields are {@linkcode LogFields} or an error.
 */
export interface Log {
  /** Logs a detail, which is not written by default. */
  debug(message: unknown, fields?: LogFields | unknown): void;
  /** Logs an event of normal operation. */
  info(message: unknown, fields?: LogFields | unknown): void;
  /** Logs what may become a fault. */
  warn(message: unknown, fields?: LogFields | unknown): void;
  /** Logs a fault. */
  error(message: unknown, fields?: LogFields | unknown): void;
}

/** Fields of a log line. An `Error` is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;
