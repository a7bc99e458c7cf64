import { partitionOf } from "../../core/partitions.ts";
import type { ParkedEvent, ParkedEvents, StoredKey } from "../../engine/parked_events.ts";

/** The events that have come back by RETRIES and wait in partitions. */
export interface PartitionCounts {
  /** Resolves to the number of events that came back to a partition. */
  returned(functionName: string, partition: number): Promise<number>;
  /** Resolves to the keys of the dead letters that came back to a partition, each with the sequence of its dead letter. */
  returnedKeys(functionName: string, partition: number): Promise<ReadonlyMap<string, number>>;
}

/**
 * The parked events whose keys a partition has.
 *
 * Invariant: dead letters are read first, then RETRIES, and then what came back to the partition. An event is stored in
 * the next of them before it leaves the one before.
 */
export class ParkedPartition implements ParkedEvents {
  constructor(
    readonly all: ParkedEvents,
    readonly counts: PartitionCounts,
    readonly partition: number,
    readonly partitions: number,
  ) {}

  /** Those of all partitions: the keys of a letter are known once it is read. */
  stored(functionName: string): Promise<number> {
    return this.all.stored(functionName);
  }

  async load(functionName: string): Promise<readonly StoredKey[]> {
    const keys = new Map((await this.all.load(functionName)).map((stored) => [stored.key, stored]));
    for (const [key, head] of await this.counts.returnedKeys(functionName, this.partition)) {
      keys.set(key, { key, head, isReturning: true });
    }
    return [...keys.values()].filter(({ key }) => partitionOf(key, this.partitions) === this.partition);
  }

  /** It is searched in all partitions: under another number of them, its key has another one. */
  find(functionName: string, sequence: number): Promise<"dead-letter" | "returning" | undefined> {
    return this.all.find(functionName, sequence);
  }

  /** Events that no partition has yet may be of this one, so they count. */
  async returning(functionName: string): Promise<number> {
    return await this.all.returning(functionName) + await this.counts.returned(functionName, this.partition);
  }

  list(functionName: string, key: string): Promise<readonly ParkedEvent[]> {
    return this.all.list(functionName, key);
  }

  sendBack(sequence: number): Promise<void> {
    return this.all.sendBack(sequence);
  }
}
