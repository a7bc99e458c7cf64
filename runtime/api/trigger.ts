import type { z } from "zod";
import type { WeirEvent } from "../core/event.ts";
import type { EventDefinition } from "./define_event.ts";
import type { ScheduleTrigger, Tick } from "./schedule.ts";
import type { EventOfType, KnownType } from "./schema_files.ts";

/** Raw subject pattern in a stream that Weir does not own. */
export interface StreamPattern {
  /**
   * Pattern of the subjects as the stream stores them. A mirror, or a stream with sources, stores the subjects of its
   * origin.
   */
  readonly pattern: string;
  /** Name of the stream. It must exist: Weir makes a consumer on it, and never creates or changes the stream. */
  readonly stream: string;
}

/**
 * Trigger of a function: an event, the type of an event as text, such as `orders.created`, or a raw subject pattern
 * such as `legacy.>`, whose data is not checked. A pattern may name a stream that Weir does not own. `cron` and `every`
 * return schedules.
 */
// A plain `string` would absorb the known types, and an editor would complete none.
export type Trigger =
  | EventDefinition
  | KnownType
  | (string & Record<never, never>)
  | StreamPattern
  | ScheduleTrigger;

/** Type of the data of a raw subject pattern. */
export type RawData<Mode> = Mode extends "text" ? string : Mode extends "bytes" ? Uint8Array<ArrayBuffer> : unknown;

/** Type of the events that a trigger, or a list of triggers, delivers. `Mode` is the function's `decode`, if any. */
export type EventOf<On, Mode = undefined> = On extends EventDefinition<infer Type, infer Schema>
  ? WeirEvent<Type, z.output<Schema>>
  : On extends ScheduleTrigger ? WeirEvent<string, Tick>
  : On extends KnownType ? EventOf<EventOfType<On>>
  : On extends string | StreamPattern ? WeirEvent<string, RawData<Mode>>
  : On extends readonly (infer One)[] ? EventOf<One, Mode>
  : never;
