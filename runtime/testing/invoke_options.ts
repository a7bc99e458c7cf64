import type { z } from "zod";
import type { EventDefinition } from "../api/define_event.ts";
import type { EventOfType, KnownType } from "../api/schema_files.ts";
import type { Clock } from "../engine/clock.ts";
import type { KvStore } from "../engine/kv_store.ts";
import type { Duration } from "../core/duration.ts";
import type { MemoryIdempotencyStore } from "./memory_idempotency_store.ts";
import type { MemoryKvStore } from "./memory_kv.ts";

/**
 * The data a function's events carry, as a publisher would write it.
 *
 * @example
 * ```ts
 * import { defineEvent } from "weir";
 * import type { DataOf } from "weir/testing";
 * import { z } from "zod";
 *
 * const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), by: z.string().optional() }) });
 *
 * export const asked = (n: number): DataOf<typeof Asked> => ({ n });
 * ```
 */
export type DataOf<On> = On extends EventDefinition<string, infer Schema> ? z.input<Schema>
  : On extends KnownType ? DataOf<EventOfType<On>>
  : On extends string ? unknown
  : On extends readonly (infer One)[] ? DataOf<One>
  : never;

/**
 * Which event a function is given.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { type GivenEvent, invoke } from "weir/testing";
 *
 * const legacy = defineFunction({ on: "legacy.>" }, ({ type }, ctx) => ctx.log.info(type));
 * const given: GivenEvent = { subject: "legacy.orders.made", id: "o1" };
 *
 * const { logs: [{ message, event_id }] } = await invoke(legacy, {}, given);
 * assert.deepEqual([message, event_id], ["legacy.orders.made", "o1"]);
 * ```
 */
export interface GivenEvent {
  /**
   * Which of a function's events this is. Default: the first it listens on. For one that names its event as text, such
   * as `on: "orders.created"`, give the event as well: in a project its schema is found, and the data checked by it.
   */
  readonly event?: EventDefinition;
  /** The subject, for a function on a raw pattern. */
  readonly subject?: string;
  /** The function's name. Default: `testedFunction`. */
  readonly name?: string;
  /** The event's id. Default: `test-event`. */
  readonly id?: string;
  /** Headers of the message besides those of a CloudEvent, or in their place. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * What {@linkcode invoke} takes besides the function and the data.
 *
 * @example
 * ```ts
 * import { defineFunction, NonRetryableError } from "weir";
 * import { assertDeadLettered, invoke, type InvokeOptions } from "weir/testing";
 *
 * const stubborn = defineFunction({ on: "demo.asked", retry: { attempts: 3 } }, (_event, ctx) => {
 *   if (ctx.attempt === 3) throw new NonRetryableError("three times is enough");
 * });
 * const last: InvokeOptions = { attempt: 3 };
 * assertDeadLettered(await invoke(stubborn, {}, last), { reason: "rejected" });
 * ```
 */
export interface InvokeOptions<Kv extends KvStore = MemoryKvStore> extends GivenEvent {
  /** Which attempt it is, from 1. */
  readonly attempt?: number;
  /** Key-value buckets that outlive the call. Default: empty ones. */
  readonly kv?: Kv;
  /** What a function with `idempotency` remembers of events that it has handled. Default: nothing. */
  readonly inbox?: MemoryIdempotencyStore;
  /** The runtime's time and chance, such as a `TestClock`. Default: the system's. */
  readonly clock?: Clock;
  /** `open`: the function's own breaker is. */
  readonly breaker?: "open";
  /** Dependencies that are known to be down: their breakers are open. */
  readonly dependencies?: Readonly<Record<string, "open">>;
  /** When the grace of a shutdown is over: so long after the beginning, by the clock, or when the signal aborts. */
  readonly shutdown?: Duration | AbortSignal;
}
