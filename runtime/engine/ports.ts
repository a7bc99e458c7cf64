import type { AttemptStore } from "./attempt_store.ts";
import type { BreakerPorts } from "./breaker_store.ts";
import type { CancelledEvents } from "./cancelled_events.ts";
import type { ServerClock } from "./clock.ts";
import type { DebounceStore } from "./debounce.ts";
import type { DelayedEvents } from "./delayed_events.ts";
import type { IdempotencyStore } from "./idempotency_store.ts";
import type { KvStore } from "./kv_store.ts";
import type { Observer } from "./observer.ts";
import type { ParkedEvents } from "./parked_events.ts";
import type { PartitionStore } from "./partition_store.ts";
import type { Publisher } from "./publisher.ts";
import type { RatePorts } from "./rate_store.ts";
import type { Settler } from "./settler.ts";

/** The stores, clocks and listeners that the pipeline of a function works with. */
export interface Ports {
  readonly clock: ServerClock;
  readonly publisher: Publisher;
  readonly settler: Settler;
  readonly attempts: AttemptStore;
  readonly idempotency: IdempotencyStore;
  readonly observer: Observer;
  readonly kv: KvStore;
  /** Default: no event is cancelled. */
  readonly cancelled?: CancelledEvents;
  /** Default: `publisher` takes delayed events too, and nothing can be cancelled by a key. */
  readonly delayed?: DelayedEvents;
  /** Default: functions handle every event of a burst. */
  readonly pending?: DebounceStore;
  /** Default: the rates of functions are not limited. */
  readonly rates?: RatePorts;
  /** Default: functions with `onFailure: "park"` park no keys. */
  readonly parked?: ParkedEvents;
  /** Default: functions with `order` have no partitions. */
  readonly partitions?: PartitionStore;
  /** Default: each process has breakers of its own. */
  readonly breakers?: BreakerPorts;
}
