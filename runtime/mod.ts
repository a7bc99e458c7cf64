/**
 * Weir: event functions for NATS JetStream, on Deno.
 *
 * @module
 */
export type { BatchContext, BatchEmitOptions, BatchOptions, EventBatch } from "./api/batch.ts";
export { type ConfigDefinition, defineConfig } from "./api/define_config.ts";
export { defineEvent, type EventDefinition } from "./api/define_event.ts";
export {
  type BreakerOptions,
  defineFunction,
  FUNCTION_DEFAULTS,
  type FunctionDefinition,
  type RetryOptions,
} from "./api/define_function.ts";
export type { EventOf, StreamPattern } from "./api/trigger.ts";
export { defineHealthCheck, type HealthCheckDefinition } from "./api/define_health_check.ts";
export { defineResource, RESOURCE_DEFAULTS, type ResourceDefinition } from "./api/define_resource.ts";
export { cron, type CronOptions, every, type EveryOptions, type ScheduleTrigger, type Tick } from "./api/schedule.ts";
export { defineStream, type StreamDefinition } from "./api/define_stream.ts";
export type { Dependency, HandlerContext, KvBucket, KvEntry, Log } from "./api/context.ts";
export { DependencyOpenError, KvConflictError, NonRetryableError, RetryAfterError } from "./api/errors.ts";
export type { Signature, WebhookRequest } from "./api/webhook.ts";
export type { SchemaFiles } from "./api/schema_files.ts";
export type { EventHeaders, WeirEvent } from "./core/event.ts";
export type { CatchUp } from "./core/schedule.ts";
export type { Duration } from "./core/duration.ts";
