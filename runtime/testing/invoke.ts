import { INVALID_SPAN_CONTEXT, trace } from "@opentelemetry/api";
import type { FunctionDefinition, Trigger } from "../api/define_function.ts";
import { systemClock } from "../engine/system_clock.ts";
import type { CircuitBreaker } from "../engine/circuit_breaker.ts";
import { DependencyBreakers } from "../engine/dependency_breakers.ts";
import { Pipeline } from "../engine/pipeline.ts";
import type { KvStore } from "../engine/kv_store.ts";
import type { OutgoingEvent } from "../core/event.ts";
import type { Outcome } from "../core/outcome.ts";
import { TracedPublisher } from "../telemetry/traced_publisher.ts";
import type { DataOf, InvokeOptions } from "./invoke_options.ts";
import { MemoryKvStore } from "./memory_kv.ts";
import { registryOf } from "./modules.ts";
import { OwnLog } from "./own_log.ts";
import { type InvokedSpan, SpanRecording } from "./record_spans.ts";
import type { RecordedEvent } from "./recorded_event.ts";
import { durationMs } from "./test_clock.ts";
import { deliveryOf } from "./test_delivery.ts";

/**
 * An event that a function emitted.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Emitted, invoke } from "weir/testing";
 * import { defineEvent, defineFunction } from "weir";
 * import { z } from "zod";
 *
 * const Told = defineEvent({ type: "demo.told", version: 1, data: z.int() });
 * const tell = defineFunction({ on: "demo.asked", emits: [Told] }, (_event, ctx) => ctx.emit(Told, 7));
 * const typesOf = (emitted: readonly Emitted[]) => emitted.map(({ type }) => type);
 *
 * assert.deepEqual(typesOf((await invoke(tell, {})).emitted), ["demo.told"]);
 * ```
 */
export interface Emitted {
  /** Its type. */
  readonly type: string;
  /** The id it would be published with. */
  readonly id: string;
  /** Its data. */
  readonly data: unknown;
}

/**
 * What came of an invocation.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke, type InvokeResult } from "weir/testing";
 *
 * const messages = ({ logs }: InvokeResult) => logs.map(({ message }) => message);
 *
 * const greet = defineFunction({ on: "demo.asked" }, (_event, ctx) => ctx.log.info("hello"));
 * assert.deepEqual(messages(await invoke(greet, {})), ["hello"]);
 * ```
 */
export interface InvokeResult<Kv extends KvStore = MemoryKvStore> {
  /** What the runtime would do with the event. */
  readonly outcome: Outcome;
  /** What would be published: nothing, unless the handler returned. */
  readonly emitted: readonly Emitted[];
  /** Lines that the function logged, as JSON would be written. */
  readonly logs: readonly Record<string, unknown>[];
  /**
   * Its spans in the order they were begun: first the attempt's own, as production writes it, then whatever the handler
   * and what it calls began through the OpenTelemetry API, `fetch`, and one for each event that was published.
   */
  readonly spans: readonly InvokedSpan[];
  /** The buckets, as it left them. */
  readonly kv: Kv;
}

/**
 * Runs one function on one event through the true pipeline, with neither NATS nor a network: decoding, schema,
 * deadline, breakers, policy and telemetry are those of production. A `RecordedEvent` in place of the data is given to
 * the function byte for byte, with its subject and headers.
 *
 * @throws {StartupProblems} when the function could not start.
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
 *
 * @example While what it depends on is down, an event waits and uses up no attempt
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke } from "weir/testing";
 *
 * const charge = defineFunction({ on: "demo.asked" }, async (_event, ctx) => {
 *   await ctx.dependency("PaymentService").call(() => {});
 * });
 *
 * const { outcome } = await invoke(charge, {}, { dependencies: { PaymentService: "open" } });
 * assert.ok(outcome.kind === "retry" && outcome.reason === "dependency-open" && !outcome.usesAttempt);
 * ```
 */
export async function invoke<On extends Trigger | readonly Trigger[], Kv extends KvStore = MemoryKvStore>(
  fn: FunctionDefinition<On>,
  data: DataOf<On> | RecordedEvent,
  options: InvokeOptions<Kv> = {},
): Promise<InvokeResult<Kv>> {
  const { name = "testedFunction", clock = systemClock, attempt = 1 } = options;
  if (!Number.isInteger(attempt) || attempt < 1) {
    throw new TypeError(`invoke: attempt is a whole number from 1, and not ${attempt}`);
  }
  const [bound] = registryOf({ [name]: fn as unknown as FunctionDefinition }, [options.event]).functions;
  const published: OutgoingEvent[] = [], kv = (options.kv ?? new MemoryKvStore()) as Kv;
  const log = new OwnLog(clock), spans = new SpanRecording();
  const dependencies = new DependencyBreakers(bound.policy.dependencies, clock, (change) => log.breakerChanged(change));
  const pipeline = new Pipeline(bound, dependencies, {
    clock,
    publisher: new TracedPublisher({
      publish: (event, listener) => {
        published.push(event);
        listener.stored({ stream: "TEST", sequence: published.length, duplicate: false });
      },
    }),
    settler: {
      settle: async (_name, _delivery, { kind }, _progress, claim) => {
        await (kind === "ack" ? claim?.complete() : claim?.release());
        return { ok: true };
      },
      extend: () => {},
    },
    attempts: {
      read: () => Promise.resolve({ begun: attempt - 1, free: 0, emitted: false }),
      write: () => Promise.resolve(),
    },
    idempotency: options.inbox ?? { claim: () => Promise.resolve({ kind: "claimed", claim: NO_CLAIM }) },
    observer: log,
    kv,
  });
  if (options.breaker) open(pipeline.breaker);
  for (const name of Object.keys(options.dependencies ?? {})) open(dependencies.breaker(name));
  const endGrace = shutDown(options, () => pipeline.runner.abortAll());
  try {
    const delivery = { ...deliveryOf(bound, data, options, clock), deliveryCount: attempt };
    const outcome = await spans.run(() => pipeline.handle(pipeline.newAttempt(delivery)));
    const emitted = published.map(({ type, id, json }) => ({ type, id, data: JSON.parse(json) }));
    return { outcome, emitted, logs: log.lines, spans: spans.spans(), kv };
  } finally {
    endGrace();
    pipeline.admission.close();
    pipeline.runner.abortAll();
  }
}

/** Nothing is remembered between calls: each is the event's first. */
const NO_CLAIM = { complete: () => Promise.resolve(), release: () => Promise.resolve() };

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** As many failures as it takes. */
function open(breaker: CircuitBreaker): void {
  while (breaker.state.kind !== "open") {
    const answer = breaker.admit(NO_SPAN);
    if (answer.admitted) answer.report("failure");
  }
}

/** Returns what takes it back. */
function shutDown({ shutdown, clock = systemClock }: InvokeOptions<KvStore>, giveBack: () => void): () => void {
  if (shutdown === undefined) return () => {};
  if (!(shutdown instanceof AbortSignal)) return clock.timer(durationMs(shutdown), giveBack);
  if (shutdown.aborted) giveBack();
  else shutdown.addEventListener("abort", giveBack, { once: true });
  return () => shutdown.removeEventListener("abort", giveBack);
}
