import type { Clock } from "./clock.ts";
import { ForgottenKeys } from "./forgotten_keys.ts";
import type { OrderSource } from "./order_source.ts";
import type { ParkedEvent, ParkedEvents } from "./parked_events.ts";

/** Keys that may be parked at once. It bounds the memory of a process. The first event of a further key blocks it. */
export const MAX_PARKED_KEYS = 10_000;
/** Interval, in milliseconds, at which it looks whether first events were discarded or redriven. */
const LOOK_MS = 2_000;
/** Keys that one look asks for. */
const LOOK_KEYS = 100;
/** Delay, in milliseconds, after which keys are loaded again if the store did not answer. */
const LOAD_AGAIN_MS = 1_000;

interface Parked {
  /** Sequence of its dead letter. Undefined until that is stored. */
  head: number | undefined;
  /** True once its first event was redriven or discarded. Then the next events of the key wait. */
  isReturning: boolean;
  /** Dead letters that follow, as far as they were listed. */
  next: ParkedEvent[];
  isBusy: boolean;
}

/** The order that the keys belong to. */
interface Owner {
  /** Number of events that were sent back, are known here, and are not settled. */
  returned(): number;
  /** Returns whether an event of the key runs, or is being settled. */
  isRunning(key: string): boolean;
  /** Returns whether an event of the key that came back by RETRIES is not settled. */
  isReturned(key: string): boolean;
  /** Called when events of the key may begin, or may become dead letters. */
  changed(key: string): void;
  /** Called when all keys are known. */
  loaded(): void;
}

/**
 * The keys of a function with `onFailure: "park"` whose first event has failed. That event is a dead letter, and so are
 * the later ones of its key. Once the first is handled or discarded the others are sent back, one after the other.
 *
 * The dead letters are the only record. Invariant: a key leaves this table only when no dead letter of it is stored, and
 * no event of it runs that could become one.
 */
export class ParkedKeys {
  readonly #keys = new Map<string, Parked>();
  #isLoaded = true;
  /** Changes at each reset, which ends what is under way. */
  #epoch = 0;
  #cancel: () => void = () => {};
  readonly #forgotten: ForgottenKeys;

  constructor(
    readonly functionName: string,
    readonly store: ParkedEvents,
    readonly clock: Clock,
    readonly owner: Owner,
  ) {
    this.#forgotten = new ForgottenKeys(functionName, store, clock);
  }

  /** Number of keys that are parked, or whose events return. */
  get size(): number {
    return this.#keys.size;
  }

  /** Whether all keys are known. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Begins without a key: another process may have the events. */
  connect(source: OrderSource): void {
    this.#forgotten.source = source;
    this.reset();
  }

  /** Forgets all keys: another process may have the events. */
  reset(): void {
    this.close();
    this.#isLoaded = false;
    this.#keys.clear();
    this.#forgotten.begin();
  }

  close(): void {
    this.#epoch++;
    this.#cancel();
    this.#forgotten.stop();
  }

  /** Reads the keys from the store, until it answers. */
  async load(): Promise<void> {
    const epoch = this.#epoch;
    try {
      const stored = await this.store.load(this.functionName);
      if (epoch !== this.#epoch) return;
      for (const { key, head, isReturning } of stored) {
        this.#keys.set(key, { head, isReturning, next: [], isBusy: false });
      }
      this.#isLoaded = true;
      this.#forgotten.stop();
      if (this.size > 0) this.#lookLater();
      this.owner.loaded();
    } catch {
      if (epoch === this.#epoch) this.#cancel = this.clock.timer(LOAD_AGAIN_MS, () => void this.load());
    }
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Returns whether the next events of a key wait. */
  isReturning(key: string): boolean {
    return this.#keys.get(key)?.isReturning ?? false;
  }

  /** Returns whether too many keys are parked for this one. */
  isFullFor(key: string): boolean {
    return !this.has(key) && this.size >= MAX_PARKED_KEYS;
  }

  /** Parks a key whose first event becomes a dead letter. Returns false if too many are parked. */
  park(key: string): boolean {
    if (this.isFullFor(key)) return false;
    if (this.size === 0) this.#lookLater();
    // A new entry: a check of the former one that is still under way then changes nothing.
    this.#keys.set(key, { head: undefined, isReturning: false, next: [], isBusy: false });
    return true;
  }

  /**
   * Sends back the next event of a key, just before the one that had returned is settled. If this process dies between the
   * two, the next event is in RETRIES, where the process that takes over finds it. If sending fails, it is sent after the
   * settlement.
   *
   * @param sequence Sequence of the dead letter that the ending event was.
   */
  async ends(key: string, sequence: number): Promise<void> {
    const parked = this.#keys.get(key);
    if (!parked || parked.isBusy || parked.head !== sequence) return;
    parked.isBusy = parked.isReturning = true;
    try {
      if (parked.next.length === 0) parked.next = [...await this.store.list(this.functionName, key)];
      const [next] = parked.next;
      if (!next?.isParked || this.#keys.get(key) !== parked) return;
      await this.store.sendBack(next.sequence);
      parked.next.shift();
      parked.head = next.sequence;
    } catch {
      // The look after its settlement tries again.
    } finally {
      parked.isBusy = false;
    }
  }

  /**
   * Notes that an event of the key is settled.
   *
   * @param deadLetter Sequence of the dead letter that it became.
   * @param ended Sequence of the dead letter that it was, if it was sent back and has ended.
   */
  settled(key: string, deadLetter: number | undefined, ended: number | undefined): void {
    const parked = this.#keys.get(key);
    if (!parked) return;
    if (ended !== undefined && ended === parked.head) {
      parked.head = undefined;
      parked.isReturning = true;
    } else if (!parked.isReturning) parked.head ??= deadLetter;
    if (parked.isReturning || parked.head === undefined) void this.#look(key, parked);
  }

  #lookLater(): void {
    this.#cancel();
    const epoch = this.#epoch;
    this.#cancel = this.clock.timer(LOOK_MS, async () => {
      const some = [...this.#keys].slice(0, LOOK_KEYS);
      await Promise.all(some.map(([key, parked]) => this.#look(key, parked)));
      if (epoch !== this.#epoch) return;
      for (const [key, parked] of some) { // to the end, so that each has its turn
        if (this.#keys.get(key) === parked) this.#keys.delete(key) && this.#keys.set(key, parked);
      }
      if (this.size > 0) this.#lookLater();
    });
  }

  /** Looks where the first event of a key is, and sends the next one back if it is no more. */
  async #look(key: string, parked: Parked): Promise<void> {
    if (parked.isBusy || this.#isUnsettled(key)) return; // a settlement looks again
    parked.isBusy = true;
    const epoch = this.#epoch, isStale = () => epoch !== this.#epoch || this.#keys.get(key) !== parked;
    try {
      const state = parked.head === undefined ? undefined : await this.store.find(this.functionName, parked.head);
      if (isStale()) return;
      if (state === "dead-letter") {
        if (parked.isReturning) await this.store.sendBack(parked.head!); // it failed, or a process died before it
        return;
      }
      parked.isReturning = true;
      if (state === "returning" || this.#isUnsettled(key)) return;
      if (parked.next.length === 0) parked.next = [...await this.store.list(this.functionName, key)];
      // An operator's discard sends the next event back, too. While more return than have arrived here, it may be this
      // key's: then nothing is sent.
      if (await this.store.returning(this.functionName) > this.owner.returned()) return;
      if (isStale() || this.#isUnsettled(key)) return;
      await this.#sendNext(key, parked);
    } catch {
      // The next look tries again.
    } finally {
      parked.isBusy = false;
    }
  }

  #isUnsettled(key: string): boolean {
    return this.owner.isRunning(key) || this.owner.isReturned(key);
  }

  async #sendNext(key: string, parked: Parked): Promise<void> {
    const next = parked.next.shift();
    if (!next) {
      this.#keys.delete(key);
      return this.owner.changed(key);
    }
    parked.head = next.sequence;
    if (next.isParked) return await this.store.sendBack(next.sequence);
    parked.isReturning = false;
    parked.next = [];
    this.owner.changed(key);
  }
}
