/** Limits what `events tail` is sent to a number a second, and counts what it leaves out. */
export class TailRate {
  #left: number;
  #omitted = 0;

  constructor(public perSecond: number) {
    this.#left = perSecond;
  }

  /** Returns true if one more item fits into this second. */
  take(): boolean {
    if (this.#left > 0) {
      this.#left--;
      return true;
    }
    this.#omitted++;
    return false;
  }

  /** Begins the next second. Returns the number of items refused in the last one. */
  renew(): number {
    const omitted = this.#omitted;
    this.#left = this.perSecond;
    this.#omitted = 0;
    return omitted;
  }
}
