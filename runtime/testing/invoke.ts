import { trace } from "@opentelemetry/api";
import type { z } from "zod";
import type { EventDefinition } from "../authoring/define_event.ts";
import type { FunctionDefinition, Trigger } from "../authoring/define_function.ts";
import { systemClock } from "../clock.ts";
import { Dependencies } from "../flow/dependencies.ts";
import { Pipeline } from "../flow/pipeline.ts";
import type { KvStore } from "../flow/ports.ts";
import type { OutgoingEvent } from "../nouns/event.ts";
import type { Outcome } from "../nouns/outcome.ts";
import { HeaderList } from "../rules/header_list.ts";
import { encodeAttribute } from "../rules/decode.ts";
import { Logger } from "../telemetry/log.ts";
import { MemoryKvStore } from "./memory_kv.ts";
import { registryOf } from "./modules.ts";

/** The data a function's events carry, as a publisher would write it. */
export type DataOf<On> = On extends EventDefinition<string, infer Schema> ? z.input<Schema>
  : On extends string ? unknown
  : On extends readonly (infer One)[] ? DataOf<One>
  : never;

/** What {@linkcode invoke} takes besides the function and the data. */
export interface InvokeOptions {
  /** Which of a function's events this is. Default: the first it listens on. */
  readonly event?: EventDefinition;
  /** The subject, for a function on a raw pattern. */
  readonly subject?: string;
  /** The function's name. Default: `testedFunction`. */
  readonly name?: string;
  /** The event's id. Default: `test-event`. */
  readonly id?: string;
  /** Which attempt it is, from 1. */
  readonly attempt?: number;
  /** Key-value buckets that outlive the call. Default: empty ones. */
  readonly kv?: KvStore;
}

/** An event that a function emitted. */
export interface Emitted {
  /** Its type. */
  readonly type: string;
  /** The id it would be published with. */
  readonly id: string;
  /** Its data. */
  readonly data: unknown;
}

/** What came of an invocation. */
export interface Invoked {
  /** What the runtime would do with the event. */
  readonly outcome: Outcome;
  /** What would be published: nothing, unless the handler returned. */
  readonly emitted: readonly Emitted[];
  /** Lines that the function logged, as JSON would be written. */
  readonly logs: readonly Record<string, unknown>[];
}

/**
 * Runs one function on one event through the true pipeline, with neither NATS nor a network: decoding, schema,
 * deadline, breakers and policy are those of production.
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
 * const greet = defineFunction({ on: Asked, emits: [Greeted] }, (event, ctx) => {
 *   ctx.emit(Greeted, { text: `Hello ${event.data.name}` });
 * });
 *
 * const { outcome, emitted } = await invoke(greet, { name: "Ada" });
 * assert.deepEqual(outcome, { kind: "ack" });
 * assert.deepEqual(emitted.map(({ data }) => data), [{ text: "Hello Ada" }]);
 * ```
 */
export async function invoke<On extends Trigger | readonly Trigger[]>(
  fn: FunctionDefinition<On>,
  data: DataOf<On>,
  options: InvokeOptions = {},
): Promise<Invoked> {
  const name = options.name ?? "testedFunction";
  const [bound] = registryOf({ [name]: fn as unknown as FunctionDefinition }).functions;
  const published: OutgoingEvent[] = [];
  const logs: Record<string, unknown>[] = [];
  const log = new Logger({ level: "debug", format: "json", write: (line) => logs.push(JSON.parse(line)) });
  const span = trace.wrapSpanContext({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });
  const clock = systemClock;
  const pipeline = new Pipeline(bound, new Dependencies(bound.policy.dependencies, clock, () => {}), {
    clock,
    publisher: {
      publish: (event) => {
        published.push(event);
        return Promise.resolve({ stream: "TEST", sequence: published.length, duplicate: false });
      },
    },
    settler: { settle: () => Promise.resolve({ ok: true }), extend: () => {} },
    attempts: {
      read: () => Promise.resolve({ begun: (options.attempt ?? 1) - 1, free: 0, emitted: false }),
      write: () => Promise.resolve(),
    },
    inbox: { claim: () => Promise.resolve({ kind: "claimed", claim: NO_CLAIM }) },
    observer: { observe: (_invocation, run) => run({ span, log }), breakerChanged: () => {} },
    kv: options.kv ?? new MemoryKvStore(),
  });
  try {
    const subject = options.subject ?? options.event?.type ?? bound.triggers[0].pattern;
    const outcome = await pipeline.handle({
      stream: "TEST",
      sequence: 1,
      subject,
      deliveryCount: options.attempt ?? 1,
      earlier: { attempts: 0, freeRetries: 0, redrives: 0 },
      place: "TEST.1",
      storedAtMs: clock.now(),
      payload: new TextEncoder().encode(JSON.stringify(data)),
      headers: HeaderList.of([
        ["ce-id", encodeAttribute(options.id ?? "test-event")],
        ["ce-type", subject],
        ["ce-source", "/test"],
        ["content-type", "application/json"],
      ]),
      handle: "",
    });
    const emitted = published.map(({ type, id, json }) => ({ type, id, data: JSON.parse(json) }));
    return { outcome, emitted, logs };
  } finally {
    pipeline.gates.close();
    pipeline.invoker.giveBackAll();
  }
}

/** Nothing is remembered between calls: each is the event's first. */
const NO_CLAIM = { complete: () => Promise.resolve(), release: () => Promise.resolve() };
