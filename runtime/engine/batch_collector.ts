import { type BatchPolicy, batchSizeAt } from "../core/batch.ts";
import type { Attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";

/** A batch waits for this part of `maxWait` (a tenth) while later events of its keys wait for it. */
const AWAITED_PART = 10;

/** An attempt that waits for its batch. */
interface Collected {
  readonly attempt: Attempt;
  readonly atMs: number;
  /** Called with false if the attempt must not begin any more. */
  readonly resolve: (begins: boolean) => void;
}

/**
 * Collects the attempts of a function into batches. A batch is due when it is full by number or bytes, or when its
 * first attempt has waited for `maxWait`. At most `concurrency` batches run at once. A batch holds attempts of one
 * number, so that a retried event at fault is among few others, and in the end alone.
 */
export class BatchCollector {
  /** Collections by the number of the attempt. */
  readonly #collections = new Map<number, Collection>();
  #running = 0;
  #isClosed = false;

  /**
   * @param begin Called with the attempts of a batch before their promises resolve.
   * @param isAwaited Returns whether an event waits until an attempt has ended. Then its batch is due after a tenth of
   * `maxWait`, or soon after that. Default: none waits.
   */
  constructor(
    readonly policy: BatchPolicy,
    readonly concurrency: number,
    readonly clock: Clock,
    readonly begin: (attempts: readonly Attempt[]) => void,
    readonly isAwaited?: (attempt: Attempt) => boolean,
  ) {}

  /** Resolves to true when the attempt's batch begins, and to false if it must be given back. */
  collect(attempt: Attempt): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const collection = this.#collections.getOrInsertComputed(attempt.number, () => this.#newCollection(attempt));
      collection.add({ attempt, atMs: this.clock.now(), resolve });
      this.#beginDue();
    });
  }

  /** Number of attempts that wait for their batch. */
  get size(): number {
    return this.#collections.values().reduce((sum, { size }) => sum + size, 0);
  }

  /** Lets what is collected begin without a further wait. */
  flush(): void {
    for (const collection of this.#collections.values()) collection.flush();
    this.#beginDue();
  }

  /** Frees the place of a batch that has run. */
  ended(): void {
    this.#running--;
    this.#beginDue();
  }

  /** Gives back what is collected, and all that comes later. */
  close(): void {
    this.#isClosed = true;
    for (const collection of this.#collections.values()) {
      for (const { resolve } of collection.take(Infinity, Infinity)) resolve(false);
    }
  }

  #newCollection({ number, retry }: Attempt): Collection {
    const size = batchSizeAt(this.policy.size, number, retry.attempts);
    return new Collection({ ...this.policy, size }, this.clock, () => this.#beginDue(), this.isAwaited);
  }

  /** Begins batches while there are places. The batch with the earliest attempt is first. */
  #beginDue(): void {
    while (this.#running < this.concurrency) {
      let next: Collection | undefined;
      for (const collection of this.#collections.values()) {
        if (collection.isDue && (!next || collection.firstAtMs < next.firstAtMs)) next = collection;
      }
      if (!next) return;
      this.#running++;
      const collected = next.take(next.policy.size, next.policy.maxBytes);
      this.begin(collected.map(({ attempt }) => attempt));
      for (const { resolve } of collected) resolve(true);
    }
  }
}

/** The collected attempts of one number, in the order of their arrival. */
class Collection {
  readonly #collected: Collected[] = [];
  #bytes = 0;
  /** Number of the first attempts that begin even if their batch is not full: their wait is over. */
  #due = 0;
  #cancelTimer: () => void = () => {};

  constructor(
    readonly policy: BatchPolicy,
    readonly clock: Clock,
    readonly waited: () => void,
    readonly isAwaited?: (attempt: Attempt) => boolean,
  ) {}

  /** Whether its next batch may begin. */
  get isDue(): boolean {
    return this.#due > 0 || this.#collected.length >= this.policy.size || this.#bytes >= this.policy.maxBytes;
  }

  get size(): number {
    return this.#collected.length;
  }

  get firstAtMs(): number {
    return this.#collected[0]?.atMs ?? Infinity;
  }

  add(collected: Collected): void {
    this.#bytes += collected.attempt.delivery.payload.length;
    if (this.#collected.push(collected) === 1) this.#setTimer();
  }

  flush(): void {
    this.#due = this.#collected.length;
  }

  /** Removes and returns the attempts of one batch. */
  take(size: number, maxBytes: number): Collected[] {
    let count = 0, bytes = 0;
    while (count < Math.min(size, this.#collected.length) && bytes < maxBytes) {
      bytes += this.#collected[count++].attempt.delivery.payload.length;
    }
    this.#bytes -= bytes;
    this.#due = Math.max(0, this.#due - count);
    this.#cancelTimer();
    const taken = this.#collected.splice(0, count);
    if (this.#collected.length > 0) this.#setTimer();
    return taken;
  }

  #setTimer(): void {
    const { clock, policy: { maxWaitMs }, isAwaited } = this, leftMs = this.firstAtMs + maxWaitMs - clock.now();
    const delayMs = Math.max(0, isAwaited ? Math.min(leftMs, maxWaitMs / AWAITED_PART) : leftMs);
    this.#cancelTimer = clock.timer(delayMs, () => {
      if (delayMs < leftMs && !this.#collected.some(({ attempt }) => isAwaited!(attempt))) return this.#setTimer();
      this.flush();
      this.waited();
    });
  }
}
