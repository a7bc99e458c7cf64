import type { AckSubject } from "../../core/delivery.ts";

/** Bytes before the first slot: when each side was last well, and how often what is held was lost. */
const HEAD = 64;
const SLOT = 256;
/** Of a slot: its generation and the length of its text. */
const SLOT_HEAD = 8;
const TEXT = SLOT - SLOT_HEAD;
const MAIN = 0, STAND_IN = 1, LAPSES = 4;

const UTF8 = new TextEncoder(), TEXT_OF = new TextDecoder();

/**
 * What the main thread holds, in memory that another thread can read while the main one is blocked: the subject that
 * each delivery is answered on. Only the main thread writes slots. That costs 0.05 µs an event, as text; the numbers in
 * the subject would be as dear to part from it, and this way its form is the server's business alone.
 */
export class SharedDeliveries {
  readonly #words: Int32Array;
  readonly #times: BigInt64Array;
  readonly #bytes: Uint8Array;
  readonly #texts: Uint8Array[] = [];
  readonly #free: number[] = [];
  #generation = 0;

  private constructor(readonly memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#times = new BigInt64Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory);
  }

  /** The writing side, with room for that many deliveries. */
  static create(slots: number): SharedDeliveries {
    const table = new SharedDeliveries(new SharedArrayBuffer(HEAD + slots * SLOT));
    for (let slot = 0; slot < slots; slot++) {
      const at = HEAD + slot * SLOT + SLOT_HEAD;
      table.#texts.push(table.#bytes.subarray(at, at + TEXT));
      table.#free.push(slots - 1 - slot);
    }
    return table;
  }

  /** The reading side. */
  static open(memory: SharedArrayBuffer): SharedDeliveries {
    return new SharedDeliveries(memory);
  }

  /** Puts a handle into a free slot and returns its number; -1 when there is none, or the handle is too long. */
  put(handle: AckSubject): number {
    const slot = this.#free.pop() ?? -1;
    return slot < 0 || this.#write(slot, handle) ? slot : this.remove(slot);
  }

  /** Puts another handle into a slot, or into a free one if that is none. Returns as `put` does. */
  replace(slot: number, handle: AckSubject): number {
    if (slot < 0) return this.put(handle);
    Atomics.store(this.#words, wordOf(slot), 0);
    return this.#write(slot, handle) ? slot : this.remove(slot);
  }

  /** Frees a slot. Returns -1, which is none. */
  remove(slot: number): -1 {
    if (slot >= 0) {
      Atomics.store(this.#words, wordOf(slot), 0);
      this.#free.push(slot);
    }
    return -1;
  }

  /**
   * Every handle there is now. A slot is read between two looks at its generation, and left out when it changed
   * meanwhile: then the main thread is at work again, and sees to it itself.
   */
  handles(): string[] {
    const found: string[] = [];
    for (let at = HEAD; at < this.#bytes.length; at += SLOT) {
      const word = at / 4, generation = Atomics.load(this.#words, word);
      if (generation === 0) continue;
      const from = at + SLOT_HEAD;
      const text = this.#bytes.slice(from, from + this.#words[word + 1]);
      if (Atomics.load(this.#words, word) === generation) found.push(TEXT_OF.decode(text));
    }
    return found;
  }

  /** When the main thread was last known to be well: milliseconds since 1970. */
  get mainMs(): number {
    return Number(Atomics.load(this.#times, MAIN));
  }

  set mainMs(ms: number) {
    Atomics.store(this.#times, MAIN, BigInt(Math.floor(ms)));
  }

  /** When the other thread last gave a sign of life of everything here, and the server is known to have it. */
  get standInMs(): number {
    return Number(Atomics.load(this.#times, STAND_IN));
  }

  set standInMs(ms: number) {
    Atomics.store(this.#times, STAND_IN, BigInt(Math.floor(ms)));
  }

  /** How often the other thread found that what was here by then may be somebody else's. */
  get lapses(): number {
    return Atomics.load(this.#words, LAPSES);
  }

  lapsed(): void {
    Atomics.add(this.#words, LAPSES, 1);
  }

  #write(slot: number, handle: AckSubject): boolean {
    const text = this.#texts[slot];
    let length = handle.length;
    if (typeof handle === "string") {
      const { read, written } = UTF8.encodeInto(handle, text);
      if (read < handle.length) return false;
      length = written;
    } else {
      if (length > TEXT) return false;
      text.set(handle);
    }
    const word = wordOf(slot);
    this.#words[word + 1] = length;
    this.#generation = this.#generation + 1 | 0 || 1; // never 0, which is a free slot
    Atomics.store(this.#words, word, this.#generation);
    return true;
  }
}

function wordOf(slot: number): number {
  return (HEAD + slot * SLOT) / 4;
}
