import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import type { FunctionDefinition } from "../api/define_function.ts";
import type { Trigger } from "../api/trigger.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import { DependencyBreakers } from "../engine/dependency_breakers.ts";
import { Pipeline } from "../engine/pipeline.ts";
import type { OutgoingEvent } from "../core/event.ts";
import { payloadData } from "../api/define_event.ts";
import type { DecodeMode } from "../core/payload.ts";
import type { Outcome } from "../core/outcome.ts";
import { TracedPublisher } from "../telemetry/traced_publisher.ts";
import type { DataOf, InvokeOptions } from "./invoke_options.ts";
import { MemoryKvStore } from "./memory_kv_store.ts";
import { resolveTested } from "./test_registry.ts";
import { HandlerLog } from "./handler_log.ts";
import { type InvokedSpan, SpanRecording } from "./record_spans.ts";
import type { RecordedEvent } from "./recorded_event.ts";
import { durationMs } from "./test_clock.ts";
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

/**
 * Runs one function on one event through the pipeline of production, without NATS and without a network. Parsing,
 * schema, timeout, breakers, retry policy and telemetry are real.
 *
 * @param data The event's data, or a `RecordedEvent`, which is delivered byte for byte with its subject and headers.
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
>(
  fn: FunctionDefinition<On, Mode>,
  data: DataOf<On, Mode> | RecordedEvent,
  options: InvokeOptions = {},
): Promise<InvokeResult> {
  const { clock = systemClock, attempt = 1 } = options;
  if (!Number.isInteger(attempt) || attempt < 1) {
    throw new TypeError(`invoke: attempt must be a whole number from 1, not ${attempt}`);
  }
  const bound = resolveTested(fn, options);
  const published: OutgoingEvent[] = [], cancelled: string[] = [], kv = options.kv ?? new MemoryKvStore();
  const log = new HandlerLog(clock), spans = new SpanRecording();
  const dependencies = new DependencyBreakers(bound.policy.dependencies, clock, (change) => log.breakerChanged(change));
  const publisher = new TracedPublisher({
    publish: (event, listener) => {
      published.push(event);
      listener.stored({ stream: "TEST", sequence: published.length, duplicate: false });
    },
  });
  const pipeline = new Pipeline(bound, dependencies, {
    clock,
    publisher,
    delayed: { publisher, cancel: (key) => Promise.resolve(void cancelled.push(key)) },
    settler: {
      settle: async (_name, _delivery, { kind }, _usedUp, claim) => {
        await (kind === "ack" ? claim?.complete() : claim?.release());
        return { ok: true };
      },
      extend: () => {},
    },
    attempts: {
      read: () => Promise.resolve({ begun: attempt - 1, excused: 0, mayHaveEmitted: false }),
      write: () => Promise.resolve(),
    },
    idempotency: options.idempotencyStore ?? { claim: () => Promise.resolve({ kind: "claimed", claim: NO_CLAIM }) },
    observer: log,
    kv,
  });
  if (options.breaker) open(pipeline.breaker);
  for (const name of Object.keys(options.dependencies ?? {})) open(dependencies.breaker(name));
  const endGrace = shutDown(options.shutdown, clock, () => pipeline.runner.abortAll());
  try {
    const delivery = { ...deliveryOf(bound, data, options, clock), deliveryCount: attempt };
    const handle = () => pipeline.handle(pipeline.newAttempt(delivery));
    const outcome = await spans.run(() => withTestValues(options, handle));
    return { outcome, emitted: published.map(toEmitted), cancelled, logs: log.lines, spans: spans.spans(), kv };
  } finally {
    endGrace();
    pipeline.admission.close();
    pipeline.runner.abortAll();
  }
}

/** Returns an event as the results of the test kit show it. */
export function toEmitted({ type, id, json, delayed }: OutgoingEvent): Emitted {
  const data = payloadData(json);
  if (!delayed) return { type, id, data };
  return { type, id, data, at: new Date(delayed.atMs), ...(delayed.key !== undefined && { key: delayed.key }) };
}

/** The claim of an event that no store remembers. */
const NO_CLAIM = { complete: () => Promise.resolve(), release: () => Promise.resolve() };

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Opens a breaker by reporting failures. */
function open(breaker: CircuitBreaker): void {
  while (breaker.state.kind !== "open") {
    const admission = breaker.admit(NO_SPAN);
    if (admission.admitted) admission.report("failure");
  }
}

/** Gives back the delivery when the grace of a shutdown is over. Returns a function that cancels it. */
function shutDown(shutdown: InvokeOptions["shutdown"], clock: typeof systemClock, giveBack: () => void): () => void {
  if (shutdown === undefined) return () => {};
  if (!(shutdown instanceof AbortSignal)) return clock.timer(durationMs(shutdown), giveBack);
  if (shutdown.aborted) giveBack();
  else shutdown.addEventListener("abort", giveBack, { once: true });
  return () => shutdown.removeEventListener("abort", giveBack);
}
