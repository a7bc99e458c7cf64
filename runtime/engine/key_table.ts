import type { Outcome } from "../core/outcome.ts";
import type { Attempt } from "./attempt.ts";
import { KeyPace } from "./key_pace.ts";

/** Number of keys above which keys without deliveries here are forgotten. Their skipped events then return too early. */
const MAX_KEYS = 10_000;

/** An attempt that waits for its key. `answer` gets undefined when it may run, and else its outcome. */
export interface HeldAttempt {
  readonly attempt: Attempt;
  /** Time from which it waits, in milliseconds. */
  readonly sinceMs: number;
  readonly answer: (refusal: Outcome | undefined) => void;
}

/** A key with deliveries that run, wait, or were skipped over. */
export class BusyKey {
  /** The earliest event first. */
  readonly waiting: HeldAttempt[] = [];
  readonly pace = new KeyPace();
  bytes = 0;
  running = 0;
  isQueued = false;

  constructor(readonly name: string, readonly perKey: number) {}

  /** Whether it has less than its share. */
  get isFree(): boolean {
    return this.running < this.perKey;
  }
}

/**
 * The keys of a function in this process. Those with attempts that wait and a free share take turns. A key is forgotten
 * once nothing of it runs, waits or is to return.
 */
export class KeyTable {
  readonly #keys = new Map<string, BusyKey>();
  /** Keys that may begin an attempt, in the order of their turns. */
  readonly #turns: BusyKey[] = [];
  readonly #waitingKeys = new Set<BusyKey>();
  #waiting = 0;
  #bytes = 0;

  constructor(readonly perKey: number) {}

  get waiting(): number {
    return this.#waiting;
  }

  /** Payload bytes of all that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of keys that are known. */
  get size(): number {
    return this.#keys.size;
  }

  /** Returns the key of a name, which is idle if nothing of it is known. */
  of(name: string, nowMs: number): BusyKey {
    const found = this.#keys.get(name);
    if (found) return found;
    if (this.#keys.size >= MAX_KEYS) this.#forgetIdle(nowMs);
    const key = new BusyKey(name, this.perKey);
    this.#keys.set(name, key);
    return key;
  }

  /** Adds an attempt that waits, behind all that are of earlier events. */
  add(key: BusyKey, held: HeldAttempt): void {
    const { waiting } = key, at = waiting.findLastIndex(({ attempt }) => !isEarlier(held.attempt, attempt)) + 1;
    waiting.splice(at, 0, held);
    this.#waitingKeys.add(key);
    this.#count(key, held, 1);
    this.#queue(key);
  }

  ended(key: BusyKey, nowMs: number): void {
    key.running--;
    key.pace.ended(nowMs);
    this.#queue(key);
    this.forgetIfIdle(key, nowMs);
  }

  /** Removes the earliest attempt of the key whose turn it is. The caller begins it. */
  next(): { readonly key: BusyKey; readonly held: HeldAttempt } | undefined {
    for (let key = this.#turns.shift(); key; key = this.#turns.shift()) {
      key.isQueued = false;
      const held = key.waiting.shift();
      if (!held) continue; // what waited was skipped over
      this.#removed(key, held);
      key.running++;
      this.#queue(key);
      return { key, held };
    }
  }

  /** Removes the latest attempt of a key that has some. */
  removeLatest(key: BusyKey): HeldAttempt {
    const held = key.waiting.pop()!;
    this.#removed(key, held);
    return held;
  }

  /** Removes the earliest attempt of a key that has waited since before a time. Returns undefined if none has. */
  removeOverdue(key: BusyKey, beforeMs: number): HeldAttempt | undefined {
    const at = key.waiting.findIndex(({ sinceMs }) => sinceMs < beforeMs);
    if (at < 0) return undefined;
    const [held] = key.waiting.splice(at, 1);
    this.#removed(key, held);
    return held;
  }

  takeAll(): HeldAttempt[] {
    const all = [...this.#waitingKeys].flatMap((key) => key.waiting.splice(0));
    this.#waitingKeys.clear();
    this.#turns.length = this.#waiting = this.#bytes = 0;
    return all;
  }

  /** Whether more waits than there is room for. A single attempt may exceed the bytes. */
  exceeds(room: number, bytes: number): boolean {
    return this.#waiting > room || this.#bytes > bytes && this.#waiting > 1;
  }

  /** Returns the key of which most waits, by number or by bytes. */
  largest(by: "number" | "bytes"): BusyKey | undefined {
    const size = (key: BusyKey) => by === "bytes" ? key.bytes : key.waiting.length;
    let largest: BusyKey | undefined;
    for (const key of this.#waitingKeys) if (!largest || size(key) > size(largest)) largest = key;
    return largest;
  }

  /** Returns the keys of which something waits. */
  withWaiting(): BusyKey[] {
    return [...this.#waitingKeys];
  }

  forgetIfIdle(key: BusyKey, nowMs: number): void {
    if (key.running > 0 || key.waiting.length > 0) return;
    key.pace.paused(nowMs);
    if (!key.pace.isAwaited(nowMs)) this.#keys.delete(key.name);
  }

  #queue(key: BusyKey): void {
    if (key.isQueued || !key.isFree || key.waiting.length === 0) return;
    key.isQueued = true;
    this.#turns.push(key);
  }

  #removed(key: BusyKey, held: HeldAttempt): void {
    if (key.waiting.length === 0) this.#waitingKeys.delete(key);
    this.#count(key, held, -1);
  }

  #count(key: BusyKey, { attempt: { delivery: { payload } } }: HeldAttempt, sign: 1 | -1): void {
    this.#waiting += sign;
    this.#bytes += sign * payload.length;
    key.bytes += sign * payload.length;
  }

  /** Forgets keys of which nothing is held: all that await nothing, or else half of them, so that it is seldom called. */
  #forgetIdle(nowMs: number): void {
    const idle = [...this.#keys.values()].filter(({ running, waiting }) => running === 0 && waiting.length === 0);
    const over = idle.filter(({ pace }) => !pace.isAwaited(nowMs));
    for (const { name } of over.length * 2 > idle.length ? over : idle.slice(0, Math.ceil(idle.length / 2))) {
      this.#keys.delete(name);
    }
  }
}

/** Whether an event was stored before another. */
function isEarlier({ delivery: a }: Attempt, { delivery: b }: Attempt): boolean {
  return a.storedAtMs === b.storedAtMs && a.stream === b.stream ? a.sequence < b.sequence : a.storedAtMs < b.storedAtMs;
}
