import type { Delivery } from "../core/delivery.ts";

/** Pulls messages and passes them to its sink. It pulls at most the sum of the sink's credits and what it takes ahead. */
export interface Consumer {
  start(sink: ConsumerSink): void;
  /** Tells the consumer that the sink may have more credits than before. */
  wake(): void;
  /** Stops pulling. Messages that were delivered remain valid and can still be settled. */
  stop(): Promise<void>;
  /** Describes why pulling fails; undefined while it works. */
  problem(): string | undefined;
}

export interface ConsumerSink {
  /** Number of deliveries that could begin now. */
  credits(): number;
  /**
   * Number of deliveries beyond the credits that may wait in the sink, since they begin soon.
   *
   * @param most Number of messages that are there to pull. If it is 0, the sink need not prepare for any.
   */
  ahead(nowMs: number, most: number): number;
  /** Payload bytes that the sink may still hold; Infinity if only {@linkcode credits} bound them. */
  room(): number;
  /** Payload bytes that may still wait in the sink beyond its credits. */
  roomAhead(): number;
  /** True when no delivery may begin, however many slots are free: a breaker is open, or the sink stops. */
  paused(): boolean;
  deliver(delivery: Delivery): void;
}
