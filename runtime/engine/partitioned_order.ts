import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Admission } from "./admission.ts";
import type { Attempt } from "./attempt.ts";
import { KeyedOrder } from "./keyed_order.ts";
import type { OrderSource } from "./order_source.ts";
import type { Ports } from "./ports.ts";

/** The order of a function with partitions: each partition keeps an order of its own, since it has keys of its own. */
export class PartitionedOrder {
  readonly parts: readonly KeyedOrder[];

  constructor(fn: ResolvedFunction, { clock, attempts, parked, partitions: store }: Ports, admission: Admission) {
    const count = fn.policy.order!.partitions!;
    this.parts = Array.from({ length: count }, (_, partition) => {
      const own = parked && store ? store.parkedOf(parked, partition, count) : parked;
      return new KeyedOrder(fn, clock, attempts, admission, own);
    });
  }

  /** Returns the order of an attempt's partition. A delivery without one, as in a test of one event, is in the first. */
  of({ delivery: { partition = 0 } }: Attempt): KeyedOrder {
    return this.parts[partition];
  }

  /** Connects the consumers of each partition. */
  connect(sources: readonly OrderSource[]): void {
    this.parts.forEach((part, i) => part.connect(sources[i]));
  }

  /** The partitions whose events this process receives. */
  get held(): number[] {
    return [...this.parts.keys()].filter((i) => this.parts[i].state !== "standby");
  }

  get state(): KeyedOrder["state"] {
    const states = this.parts.map(({ state }) => state);
    return states.find((state) => state === "holder") ?? states.find((state) => state === "taking-over") ?? "standby";
  }

  get unsettled(): number {
    return this.#sum(({ unsettled }) => unsettled);
  }

  get blockedKeys(): number {
    return this.#sum(({ blockedKeys }) => blockedKeys);
  }

  get parkedKeys(): number {
    return this.#sum(({ parkedKeys }) => parkedKeys);
  }

  close(): void {
    for (const part of this.parts) part.close();
  }

  #sum(count: (part: KeyedOrder) => number): number {
    return this.parts.reduce((sum, part) => sum + count(part), 0);
  }
}
