/** Bytes before the first slot: the two heartbeats and the count of lapses. */
const HEADER_BYTES = 64;
const SLOT_BYTES = 256;
/** Bytes of a slot before its text: its generation and the text's length. */
const SLOT_HEADER_BYTES = 8;
const TEXT_BYTES = SLOT_BYTES - SLOT_HEADER_BYTES;
/** Indexes of the heartbeats in 64-bit words, and of the count of lapses in 32-bit words. */
const MAIN = 0, WATCHDOG = 1, LAPSES = 4;

const DECODER = new TextDecoder();

/**
 * The ack subjects of all held deliveries, in memory that the watchdog thread can read while the main thread is
 * blocked. Only the main thread writes slots. Hot path: subjects are copied unparsed.
 */
export class SharedDeliveries {
  readonly #words: Int32Array;
  readonly #times: BigInt64Array;
  readonly #bytes: Uint8Array;
  readonly #free: number[] = [];
  #generation = 0;

  /** Opens the reading side. */
  constructor(readonly memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#times = new BigInt64Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory);
  }

  /** Creates the writing side, for that many deliveries. */
  static create(slots: number): SharedDeliveries {
    const table = new SharedDeliveries(new SharedArrayBuffer(HEADER_BYTES + slots * SLOT_BYTES));
    for (let slot = slots - 1; slot >= 0; slot--) table.#free.push(slot);
    return table;
  }

  /** Stores an ack subject in a free slot. Returns the slot; -1 when none is free or the subject is too long. */
  add(ackSubject: Uint8Array): number {
    const slot = this.#free.pop() ?? -1;
    return slot < 0 || this.#write(slot, ackSubject) ? slot : this.remove(slot);
  }

  /**
   * Replaces the ack subject in a slot. If `slot` is -1, adds the subject. Returns the slot, as {@linkcode add} does.
   */
  replace(slot: number, ackSubject: Uint8Array): number {
    if (slot < 0) return this.add(ackSubject);
    Atomics.store(this.#words, wordOf(slot), 0);
    return this.#write(slot, ackSubject) ? slot : this.remove(slot);
  }

  /** Frees a slot. Returns -1, which is no slot. */
  remove(slot: number): -1 {
    if (slot >= 0) {
      Atomics.store(this.#words, wordOf(slot), 0);
      this.#free.push(slot);
    }
    return -1;
  }

  /**
   * Returns all ack subjects. A slot whose generation changes while it is read is left out: the main thread has written
   * it, so it runs again and extends its deliveries itself.
   */
  ackSubjects(): string[] {
    const found: string[] = [];
    for (let at = HEADER_BYTES; at < this.#bytes.length; at += SLOT_BYTES) {
      const word = at / 4, generation = Atomics.load(this.#words, word);
      if (generation === 0) continue;
      const from = at + SLOT_HEADER_BYTES;
      const text = this.#bytes.slice(from, from + this.#words[word + 1]);
      if (Atomics.load(this.#words, word) === generation) found.push(DECODER.decode(text));
    }
    return found;
  }

  /** The last heartbeat of the main thread, by its clock. */
  get mainMs(): number {
    return Number(Atomics.load(this.#times, MAIN));
  }

  set mainMs(ms: number) {
    Atomics.store(this.#times, MAIN, BigInt(Math.floor(ms)));
  }

  /**
   * Time at which the watchdog last extended all deliveries and the server confirmed it, by the main thread's clock.
   */
  get watchdogMs(): number {
    return Number(Atomics.load(this.#times, WATCHDOG));
  }

  set watchdogMs(ms: number) {
    Atomics.store(this.#times, WATCHDOG, BigInt(Math.floor(ms)));
  }

  /** Number of times that the watchdog found all leases expired. */
  get lapses(): number {
    return Atomics.load(this.#words, LAPSES);
  }

  countLapse(): void {
    Atomics.add(this.#words, LAPSES, 1);
  }

  #write(slot: number, ackSubject: Uint8Array): boolean {
    if (ackSubject.length > TEXT_BYTES) return false;
    const word = wordOf(slot);
    this.#bytes.set(ackSubject, 4 * word + SLOT_HEADER_BYTES);
    this.#words[word + 1] = ackSubject.length;
    this.#generation = this.#generation + 1 | 0 || 1; // never 0, which is a free slot
    Atomics.store(this.#words, word, this.#generation);
    return true;
  }
}

function wordOf(slot: number): number {
  return (HEADER_BYTES + slot * SLOT_BYTES) / 4;
}
