import { quotaOf } from "../../core/partitions.ts";
import type { OrderConsumers } from "../consume/order_consumers.ts";
import type { PartitionMembers } from "./partition_members.ts";

/** Time, in milliseconds, for which a process does not ask for a partition that it has handed over. */
const HAND_OVER_MS = 3_000;

/** The claim of this process on one partition. */
type Source = Pick<OrderConsumers, "isHolder" | "isSteppingDown" | "handOver">;

/**
 * Spreads the partitions of a function over its processes. One that holds its share asks for no further partition, and
 * one that holds more hands one over each second. A process that takes no events, as while a breaker is open, does not
 * count.
 */
export class PartitionSpread {
  #sources: readonly Source[] = [];

  /** @param unsettledOf Returns the number of events that a partition holds in this process. */
  constructor(
    readonly partitions: number,
    readonly members: Pick<PartitionMembers, "id" | "others" | "start" | "stop">,
    readonly unsettledOf: (partition: number) => number,
  ) {}

  /** @param isAble Returns whether the function takes events in this process. */
  start(sources: readonly Source[], isAble: () => boolean): void {
    this.#sources = sources;
    // While it steps down it does not count, so that a process of the other release may take a further partition.
    const takesEvents = () => isAble() && !sources.some(({ isSteppingDown }) => isSteppingDown);
    this.members.start(takesEvents, () => this.#balance());
  }

  stop(): void {
    this.members.stop();
  }

  /** Returns whether this process may ask for a further partition. */
  mayTake(): boolean {
    return this.#held().length < this.#quota;
  }

  get #quota(): number {
    return quotaOf(this.members.id, this.members.others, this.partitions);
  }

  #held(): number[] {
    return [...this.#sources.keys()].filter((i) => this.#sources[i].isHolder);
  }

  /** Hands over the partition with the fewest events: those that run end here, and the next holder waits for them. */
  #balance(): void {
    const held = this.#held();
    if (held.length <= this.#quota) return;
    const [least] = held.toSorted((a, b) => this.unsettledOf(a) - this.unsettledOf(b));
    this.#sources[least].handOver(HAND_OVER_MS);
  }
}
