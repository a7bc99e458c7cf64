/**
 * The test kit: run a function without NATS, or real functions on a real nats-server.
 *
 * @module
 */
export { type DataOf, type Emitted, invoke, type Invoked, type InvokeOptions } from "./testing/invoke.ts";
export { MemoryKvStore } from "./testing/memory_kv.ts";
export { recorded, type RecordedEvent } from "./testing/recorded.ts";
export {
  type FoundMessage,
  startTestRuntime,
  type TestRuntime,
  type TestRuntimeOptions,
} from "./testing/test_runtime.ts";
export type { NatsServer } from "./broker/server.ts";
export type { KvStore, Stored } from "./flow/ports.ts";
export type { DeadLetterReason, ErrorDetail, Outcome, RetryReason } from "./nouns/outcome.ts";
