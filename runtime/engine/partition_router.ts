import { waitForKey } from "../core/order.ts";
import type { Delivery } from "../core/delivery.ts";
import type { Outcome } from "../core/outcome.ts";
import { type Partition, partitionOf } from "../core/partitions.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Attempt } from "./attempt.ts";
import type { DependencyBreakers } from "./dependency_breakers.ts";
import type { KeyedOrder } from "./keyed_order.ts";
import type { Turn } from "./known_events.ts";
import type { Lease } from "./leases.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { Pipeline } from "./pipeline.ts";
import type { PartitionStore } from "./partition_store.ts";
import type { Ports } from "./ports.ts";
import { PublishError } from "./publisher.ts";
import { settleInOrder } from "./turns.ts";

/** Events that are assigned at once. */
const AT_ONCE = 64;
/** Delay, in milliseconds, after which an event comes again that its partition did not take: it is full, as a rule. */
const AGAIN_MS = 250;
/** Milliseconds after which an event that was given back, and has not come again, is taken for acked by its partition. */
const OVERDUE_MS = 5_000;
/** The attempt of an event that is assigned is not one of its function: the partition's is. */
const SILENT: Ports["observer"] = { begin: () => {}, end: () => {}, breakerChanged: () => {} };

/**
 * Assigns the events of a function with `order` to its partitions, in the order of their keys. One process does it at a
 * time, so that each event is assigned once, whichever releases run and whatever their `by` returns.
 *
 * Invariant: an event is acked only after its partition has stored it, and a key's next event is assigned only then.
 *
 * A redelivered event may have been assigned before, by a process that died then: its partition is asked first, since
 * JetStream forgets ids after two minutes. What a partition has handled is acked before it leaves the partition.
 * Invariant: an event that no partition has is stored only once it was delivered again after that answer, which shows
 * that it was not handled before the answer.
 */
export class PartitionRouter extends Pipeline {
  readonly #store: PartitionStore;
  readonly #partitions: number;
  /** Events that are known not to be assigned, and the number of the last delivery up to which that holds. */
  readonly #unassigned = new WeakMap<Turn, number>();

  constructor(fn: ResolvedFunction, dependencies: DependencyBreakers, ports: Ports) {
    super(assigned(fn), dependencies, ports);
    this.order!.overdue.ms = OVERDUE_MS;
    this.#store = ports.partitions!;
    this.#partitions = fn.policy.order!.partitions!;
  }

  override newAttempt(delivery: Delivery, lease?: Lease): Attempt {
    const attempt = super.newAttempt(delivery, lease), { turn } = attempt, { deliveryCount } = delivery;
    // The first delivery to any process, or one that follows the last one here: no other process has had it.
    if (turn && (this.#unassigned.get(turn) ?? 0) === deliveryCount - 1) this.#unassigned.set(turn, deliveryCount);
    else if (turn) this.#unassigned.delete(turn);
    return attempt;
  }

  override handle(attempt: Attempt): MaybePromise<Outcome> {
    // An event without a key is refused as in any function: it is invalid, its `by` fails, or it is of another release.
    return attempt.turn?.key === undefined ? super.handle(attempt) : this.#assign(attempt, attempt.turn.key);
  }

  async #assign(attempt: Attempt, key: string): Promise<Outcome> {
    const order = this.order!, { settler } = this.ports;
    const outcome = await order.take(attempt) ??
      await this.#storeIn({ index: partitionOf(key, this.#partitions), of: this.#partitions }, attempt, order);
    const ends = outcome.kind === "dead-letter", observer = ends ? this.ports.observer : SILENT;
    if (ends) observer.begin(attempt);
    return await settleInOrder(order, { settler, observer }, attempt, outcome);
  }

  async #storeIn(partition: Partition, attempt: Attempt, order: KeyedOrder): Promise<Outcome> {
    if (!await order.inbox.maySettle(attempt)) return { kind: "lease-expired" };
    const { functionName, delivery } = attempt, turn = attempt.turn!, isMain = order.isMain(turn.stream);
    try {
      if (!this.#unassigned.has(turn)) {
        if (await this.#store.has(functionName, delivery, isMain)) return { kind: "ack" };
        this.#unassigned.set(turn, delivery.deliveryCount);
        return waitForKey(0);
      }
      await this.#store.store(functionName, partition, delivery, isMain);
      return { kind: "ack" };
    } catch (error) {
      const isRefused = error instanceof PublishError && error.code !== "unavailable";
      if (!isRefused) this.#unassigned.delete(turn); // it may be stored, and the answer lost
      if (!(error instanceof PublishError && error.code === "too-large")) return waitForKey(AGAIN_MS);
      const message = `the event has no room for the headers with which it goes to its partition: ${error.message}`;
      return { kind: "dead-letter", reason: "rejected", attempts: 0, error: { name: error.name, message } };
    }
  }
}

/** Returns a function as its router sees it: without what concerns the handler. */
function assigned(fn: ResolvedFunction): ResolvedFunction {
  const { order, breaker, ...policy } = fn.policy;
  const { where: _where, rate: _rate, batch: _batch, adaptive: _adaptive, idempotency: _idempotency, ...rest } = policy;
  return {
    ...fn,
    policy: {
      ...rest,
      idempotency: undefined,
      concurrency: AT_ONCE,
      breaker: { ...breaker, shared: false },
      dependencies: {},
      order: { by: order!.by, onFailure: "block" },
    },
  };
}
