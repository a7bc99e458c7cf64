import type { Span } from "@opentelemetry/api";
import type { z } from "zod";
import type { EventDefinition } from "./define_event.ts";

/** What a handler may do and know besides its event. */
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

/** What one `ctx.emit` may settle for itself. */
export interface EmitOptions {
  /** The event's id, instead of the derived one. */
  readonly id?: string;
}

/** A named circuit breaker around calls. */
export interface Dependency {
  /**
   * Runs the call unless the breaker is open. An error it throws counts as a failure of the dependency.
   *
   * @throws {DependencyOpenError} when the breaker is open: let it pass, and the event is retried in time.
   */
  call<Value>(run: (signal: AbortSignal) => Value | Promise<Value>): Promise<Value>;
}

/** One key's value and the revision it was written at. */
export interface KvEntry<Value> {
  /** Its key. */
  readonly key: string;
  /** What was parsed of the JSON there. */
  readonly value: Value;
  /** Give it to `update` to write only if nobody else has. */
  readonly revision: number;
}

/** A NATS key-value bucket holding JSON. */
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

/** Structured logging: a message and fields. */
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

/** Fields of a log line; an Error is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;
