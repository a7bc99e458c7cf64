/**
 * The test kit: runs one function without NATS, or several on a nats-server.
 *
 * @module
 */
export { type BatchInvokeResult, type Emitted, invoke, type InvokeResult } from "./testing/invoke.ts";
export type { InvokeOptions } from "./testing/invoke_options.ts";
export type { InvokedSpan } from "./testing/record_spans.ts";
export { MemoryIdempotencyStore } from "./testing/memory_idempotency_store.ts";
export { MemoryKvStore } from "./testing/memory_kv_store.ts";
export { fakeResource, type ResourceFake } from "./testing/fake_resource.ts";
export { TestClock } from "./testing/test_clock.ts";
export { sample } from "./testing/sample.ts";
export { loadEvent, type RecordedEvent } from "./testing/recorded_event.ts";
export { assertEmitted, assertNothingEmitted, type HasEmitted } from "./testing/assertions/assert_emitted.ts";
export {
  assertAcked,
  assertDeadLettered,
  assertRetried,
  type HasOutcome,
} from "./testing/assertions/assert_outcome.ts";
export { assertIdempotent } from "./testing/crash/assert_idempotent.ts";
export { crashPoints } from "./testing/crash/crash_points.ts";
export type { CrashOptions, CrashReport } from "./testing/crash/crash_report.ts";
export { watch } from "./testing/crash/watch.ts";
export { startTestRuntime } from "./testing/runtime/start_test_runtime.ts";
export type { TestRuntime } from "./testing/runtime/test_runtime.ts";
export type { SettledEvent, TestRuntimeOptions } from "./testing/runtime/test_runtime_options.ts";
export type { FoundMessage } from "./testing/runtime/find_message.ts";
export type { SettledEntry } from "./testing/runtime/settlements.ts";
export type { DeadLetterReason } from "./core/dead_letter.ts";
export type { Outcome, RetryReason } from "./core/outcome.ts";
