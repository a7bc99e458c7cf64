import type { z } from "zod";
import type { EventDefinition } from "../api/define_event.ts";
import type { RawData, StreamPattern } from "../api/trigger.ts";
import type { ScheduleTrigger, Tick } from "../api/schedule.ts";
import type { EventOfType, KnownType } from "../api/schema_files.ts";
import type { Duration } from "../core/duration.ts";
import type { ResourceFake } from "./fake_resource.ts";
import type { MemoryIdempotencyStore } from "./memory_idempotency_store.ts";
import type { MemoryKvStore } from "./memory_kv_store.ts";
import type { TestClock } from "./test_clock.ts";

/**
 * The data of a function's events, as a publisher sends it: the input of the schema. For raw subject patterns it is
 * what the function's `decode` yields.
 */
export type DataOf<On, Mode = undefined> = On extends EventDefinition<string, infer Schema> ? z.input<Schema>
  : On extends ScheduleTrigger ? Partial<Tick>
  : On extends KnownType ? DataOf<EventOfType<On>>
  : On extends string | StreamPattern ? RawData<Mode>
  : On extends readonly (infer One)[] ? DataOf<One, Mode>
  : never;

/** Options of {@linkcode invoke}. */
export interface InvokeOptions {
  /**
   * The event to deliver. A function that names its event as text, such as `on: "orders.created"`, needs it to have the
   * data checked: a project finds the schema by the type, a test does not.
   *
   * @default the first event of the function's `on`
   */
  readonly event?: EventDefinition;
  /**
   * The subject of the message.
   *
   * @default the event's type, or a subject that the function's pattern covers
   */
  readonly subject?: string;
  /**
   * The function's name.
   *
   * @default the function's own `name`, else that of its file in `functions/`, else "testedFunction"
   */
  readonly name?: string;
  /**
   * The event's id.
   *
   * @default "test-event"
   */
  readonly id?: string;
  /** Headers of the message. They are added to the headers of a CloudEvent and replace those of the same name. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The number of the attempt, from 1.
   *
   * @default 1
   */
  readonly attempt?: number;
  /**
   * Key-value buckets, for values that the handler finds or that a later call needs.
   *
   * @default a fresh store
   */
  readonly kv?: MemoryKvStore;
  /**
   * Values of the resources that the handler uses, from `fakeResource`. No resource is opened.
   *
   * @default none
   */
  readonly resources?: readonly ResourceFake[];
  /**
   * Variables for `defineConfig`. The variables of the test's own process are not read.
   *
   * @default none
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Handled events of functions with `idempotency`. Without it, every call handles its event for the first time.
   *
   * @default none
   */
  readonly idempotencyStore?: MemoryIdempotencyStore;
  /**
   * The runtime's clock and random numbers.
   *
   * @default the system's
   */
  readonly clock?: TestClock;
  /**
   * Opens the function's own breaker.
   *
   * @default closed
   */
  readonly breaker?: "open";
  /**
   * Opens the breakers of dependencies, by name.
   *
   * @default all closed
   */
  readonly dependencies?: Readonly<Record<string, "open">>;
  /**
   * Ends the grace of a shutdown: after this time by the clock, or when the signal aborts.
   *
   * @default no shutdown
   */
  readonly shutdown?: Duration | AbortSignal;
}
