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
} from "./authoring/define_event.ts";
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
} from "./authoring/define_function.ts";
export {
  defineHealthCheck,
  HEALTH_CHECK_TIMEOUT,
  type HealthCheckDefinition,
  type HealthCheckOptions,
} from "./authoring/define_health_check.ts";
export type { EventOfType, KnownType, ProjectEvent, SchemaFiles } from "./authoring/schema_files.ts";
export { defineStream, type StreamDefinition, type StreamOptions } from "./authoring/define_stream.ts";
export type {
  Dependency,
  EmitOptions,
  EmittingContext,
  HandlerContext,
  KvBucket,
  KvEntry,
  Log,
  LogFields,
} from "./authoring/context.ts";
export { DependencyOpenError, KvConflictError, NonRetryableError, RetryAfterError } from "./authoring/errors.ts";
export type { WeirEvent } from "./nouns/event.ts";
export type { Duration } from "./rules/duration.ts";
