/**
 * Weir: event functions for NATS JetStream, on Deno.
 *
 * @module
 */
export {
  type AnySchema,
  defineEvent,
  type EventDefinition,
  type EventOptions,
  type IngressOptions,
} from "./api/define_event.ts";
export {
  type BreakerOptions,
  defineFunction,
  type EventOf,
  FUNCTION_DEFAULTS,
  type FunctionDefinition,
  type FunctionOptions,
  type Handler,
  type IdempotencyOptions,
  type RetryOptions,
  type Trigger,
} from "./api/define_function.ts";
export {
  defineHealthCheck,
  HEALTH_CHECK_TIMEOUT,
  type HealthCheckDefinition,
  type HealthCheckOptions,
} from "./api/define_health_check.ts";
export type { EventOfType, KnownType, ProjectEvent, SchemaFiles } from "./api/schema_files.ts";
export { defineStream, type StreamDefinition, type StreamOptions } from "./api/define_stream.ts";
export type {
  Dependency,
  EmitOptions,
  EmittingContext,
  HandlerContext,
  KvBucket,
  KvEntry,
  Log,
  LogFields,
} from "./api/context.ts";
export { DependencyOpenError, KvConflictError, NonRetryableError, RetryAfterError } from "./api/errors.ts";
export type { WeirEvent } from "./core/event.ts";
export type { Duration } from "./core/duration.ts";
