import type { BatchOptions } from "../api/batch.ts";
import type { FunctionDefinition } from "../api/define_function.ts";
import type { Trigger } from "../api/trigger.ts";
import { systemClock } from "../engine/system_clock.ts";
import { payloadData } from "../api/define_event.ts";
import type { DecodeMode } from "../core/payload.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Outcome } from "../core/outcome.ts";
import type { DataOf, InvokeOptions } from "./invoke_options.ts";
import { InvokedPipeline } from "./invoke_pipeline.ts";
import type { MemoryKvStore } from "./memory_kv_store.ts";
import { resolveTested } from "./test_registry.ts";
import { type InvokedSpan, SpanRecording } from "./record_spans.ts";
import type { RecordedEvent } from "./recorded_event.ts";
import { deliveryOf } from "./test_delivery.ts";
import { withTestValues } from "./test_values.ts";

/** An event that a function emitted. */
export interface Emitted {
  /** The event's type. */
  readonly type: string;
  /** The id that the event is published with. */
  readonly id: string;
  /** The event's data. */
  readonly data: unknown;
  /** The time at which a delayed event is published. Absent for one that is published at once. */
  readonly at?: Date;
  /** The key that cancels a delayed event. Absent without one. */
  readonly key?: string;
}

/** The result of {@linkcode invoke}. */
export interface InvokeResult {
  /** The decision of the runtime on the event. */
  readonly outcome: Outcome;
  /** The events that would be published. None, unless the handler returned. */
  readonly emitted: readonly Emitted[];
  /** The keys whose delayed events are cancelled. None, unless the handler returned. */
  readonly cancelled: readonly string[];
  /** The lines that the handler logged, as the JSON log has them. */
  readonly logs: readonly Record<string, unknown>[];
  /**
   * The spans, in the order they began. The first is the attempt's own. The spans of the handler and of the libraries
   * it calls follow, and one for each published event.
   */
  readonly spans: readonly InvokedSpan[];
  /** The key-value buckets after the call. */
  readonly kv: MemoryKvStore;
}

/** The result of {@linkcode invoke} for a function with `batch`: an assertion takes one of its `events`. */
export interface BatchInvokeResult extends Pick<InvokeResult, "cancelled" | "logs" | "spans" | "kv"> {
  /** Each event in the order of the data: the decision of the runtime, and what would be published for it. */
  readonly events: readonly Pick<InvokeResult, "outcome" | "emitted">[];
}

/**
 * Runs one function on one event through the pipeline of production, without NATS and without a network. Parsing,
 * schema, timeout, breakers, retry policy and telemetry are real.
 *
 * @param data The event's data, or a `RecordedEvent`, which is delivered byte for byte with its subject and headers.
 * For a function with `batch`, a list of those: the events arrive together, with ids such as `test-event-1`.
 * @throws {StartupProblems} if the function is not valid.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineEvent, defineFunction } from "weir";
 * import { invoke } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ name: z.string() }) });
 * const Greeted = defineEvent({ type: "demo.greeted", version: 1, data: z.object({ text: z.string() }) });
 * const greet = defineFunction({ on: Asked, emits: [Greeted] }, async (event, ctx) => {
 *   await ctx.kv("guests").put(event.data.name, { greeted: true });
 *   ctx.emit(Greeted, { text: `Hello ${event.data.name}` });
 * });
 *
 * const { outcome, emitted, spans, kv } = await invoke(greet, { name: "Ada" });
 * assert.deepEqual(outcome, { kind: "ack" });
 * assert.deepEqual(emitted.map(({ data }) => data), [{ text: "Hello Ada" }]);
 * assert.deepEqual(kv.contents(), { guests: { Ada: { greeted: true } } });
 * assert.deepEqual(spans.map(({ name }) => name), ["process testedFunction", "publish demo.greeted"]);
 * ```
 */
export async function invoke<
  On extends Trigger | readonly Trigger[],
  Mode extends DecodeMode | undefined = DecodeMode | undefined,
  Batch extends BatchOptions | undefined = BatchOptions | undefined,
>(
  fn: FunctionDefinition<On, Mode, Batch>,
  data: InvokeData<DataOf<On, Mode>, Batch>,
  options: InvokeOptions = {},
): Promise<ResultOf<Batch>> {
  const { clock = systemClock, attempt = 1, id = "test-event" } = options;
  if (!Number.isInteger(attempt) || attempt < 1) {
    throw new TypeError(`invoke: attempt must be a whole number from 1, not ${attempt}`);
  }
  const bound = resolveTested(fn, options), isBatch = bound.policy.batch !== undefined;
  if (isBatch && !Array.isArray(data)) {
    throw new TypeError(`invoke: ${bound.name} has \`batch\`: its data is a list, with the data of each event`);
  }
  using invoked = new InvokedPipeline(bound, options);
  const { pipeline, published, cancelled, log, kv } = invoked, spans = new SpanRecording();
  const each = isBatch ? data as readonly unknown[] : [data];
  const attempts = each.map((one, index) => {
    const own = isBatch ? { ...options, id: `${id}-${index + 1}` } : options;
    return pipeline.newAttempt({ ...deliveryOf(bound, one, own, clock), deliveryCount: attempt });
  });
  const handle = async () => {
    const handled = attempts.map((attempt) => pipeline.handle(attempt));
    // Microtasks suffice, since the counts of a retry are in memory. A timer would be the TestClock's, which stands still.
    for (let step = 0; isBatch && step < STEPS_TO_COLLECT; step++) await undefined;
    pipeline.batches?.collector.flush();
    return await Promise.all(handled);
  };
  const outcomes = await spans.run(() => withTestValues(options, handle));
  const events = outcomes.map((outcome, index) => {
    const ids = new Set(attempts[index].emitted.map(({ id }) => id));
    const own = isBatch ? published.filter(({ id }) => ids.has(id)) : published;
    return { outcome, emitted: own.map(toEmitted) };
  });
  const common = { cancelled, logs: log.lines, spans: spans.spans(), kv };
  const result: BatchInvokeResult | InvokeResult = isBatch ? { events, ...common } : { ...events[0], ...common };
  return result as ResultOf<Batch>;
}

/** Returns an event as the results of the test kit show it. */
export function toEmitted({ type, id, json, delayed }: OutgoingEvent): Emitted {
  const data = payloadData(json);
  if (!delayed) return { type, id, data };
  return { type, id, data, at: new Date(delayed.atMs), ...(delayed.key !== undefined && { key: delayed.key }) };
}

/** Microtasks after which every attempt is collected, with some to spare. */
const STEPS_TO_COLLECT = 20;

/** The data that `invoke` takes: of each event for a function with `batch`. */
type InvokeData<Data, Batch> = [Batch] extends [BatchOptions] ? readonly (Data | RecordedEvent)[]
  : Data | RecordedEvent;

type ResultOf<Batch> = [Batch] extends [BatchOptions] ? BatchInvokeResult : InvokeResult;
