import type { BatchContext, BatchOptions } from "./batch.ts";
import type { EmittingContext } from "./context.ts";
import type { EventDefinition } from "./define_event.ts";
import type { EventOf } from "./trigger.ts";

/** Handles one event. The returned value is ignored; a thrown one fails the attempt. */
export type Handler<On, Emits extends readonly EventDefinition[], Mode = undefined> = (
  event: EventOf<On, Mode>,
  ctx: EmittingContext<Emits>,
) => unknown | Promise<unknown>;

/**
 * Handles a batch of events, in the order in which they arrived. The returned value is ignored. A thrown one fails the
 * batch, which is run again in halves to find the events at fault.
 */
export type BatchHandler<On, Emits extends readonly EventDefinition[], Mode = undefined> = (
  events: readonly EventOf<On, Mode>[],
  ctx: BatchContext<Emits, EventOf<On, Mode>>,
) => unknown | Promise<unknown>;

/** The handler of a function, by its option `batch`. */
export type HandlerOf<On, Emits extends readonly EventDefinition[], Mode, Batch> = [Batch] extends [BatchOptions]
  ? BatchHandler<On, Emits, Mode>
  : Handler<On, Emits, Mode>;
