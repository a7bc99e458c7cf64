import type { Delivery } from "../core/delivery.ts";
import type { Partition } from "../core/partitions.ts";
import type { ParkedEvents } from "./parked_events.ts";

/** The events that were assigned to the partitions of functions with `order`. */
export interface PartitionStore {
  /**
   * Stores an event for a partition, once: a repeated call within the duplicate window stores no second one.
   *
   * @param isMain False for an event of RETRIES, which waits for no event of the triggers.
   * @throws {PublishError} when it is not known to be stored.
   */
  store(functionName: string, partition: Partition, delivery: Delivery, isMain: boolean): Promise<void>;
  /**
   * Resolves to whether a partition of the function has an event. It has those that it has taken until they are settled,
   * and it settles none before the message that it was assigned from is acked. Rejects if the store does not answer.
   */
  has(functionName: string, delivery: Delivery, isMain: boolean): Promise<boolean>;
  /** Returns the part of the parked events whose keys a partition has. */
  parkedOf(parked: ParkedEvents, partition: number, partitions: number): ParkedEvents;
}
