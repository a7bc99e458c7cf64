/**
 * The test kit: run a function without NATS, or real functions on a real nats-server.
 *
 * @module
 */
export { type Emitted, invoke, type InvokeResult } from "./testing/invoke.ts";
export type { DataOf, GivenEvent, InvokeOptions } from "./testing/invoke_options.ts";
export { MemoryIdempotencyStore } from "./testing/memory_idempotency_store.ts";
export { MemoryKvStore } from "./testing/memory_kv.ts";
export type { InvokedSpan } from "./testing/record_spans.ts";
export { TestClock } from "./testing/test_clock.ts";
export type { FoundMessage } from "./testing/find_message.ts";
export type { SettledEntry } from "./testing/settlements.ts";
export { sample, type SampleOptions } from "./testing/sample.ts";
export { loadEvent, type RecordedEvent } from "./testing/recorded_event.ts";
export { startTestRuntime } from "./testing/test_runtime.ts";
export type { SettledEvent, SettleOptions, TestRuntime, TestRuntimeOptions } from "./testing/test_runtime_types.ts";
export type { NatsServer } from "./nats_server/server.ts";
export type { Clock } from "./engine/clock.ts";
export type { Claim, ClaimResult, IdempotencyStore } from "./engine/idempotency_store.ts";
export type { KvStore } from "./engine/kv_store.ts";
export type { PublishResult } from "./engine/publisher.ts";
export type { DeadLetterReason, ErrorDetail, Outcome, RetryReason } from "./core/outcome.ts";
export { assertEmitted, assertNothingEmitted, type HasEmitted, type PartOf } from "./testing/assert_emitted.ts";
export { assertAcked, assertDeadLettered, assertRetried, type HasOutcome } from "./testing/assert_outcome.ts";
export { assertIdempotent } from "./testing/crash/assert_idempotent.ts";
export type { Difference } from "./testing/crash/compare.ts";
export { type CrashOptions, type CrashPoint, crashPoints, type CrashReport } from "./testing/crash/crash_points.ts";
export { watch } from "./testing/crash/watch.ts";
