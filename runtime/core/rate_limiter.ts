/** So many a second and no more, with the rest counted: for what may be told, and need not. */
export class RateLimiter {
  #left: number;
  #omitted = 0;

  constructor(public perSecond: number) {
    this.#left = perSecond;
  }

  /** Whether one more may be told. */
  take(): boolean {
    if (this.#left > 0) {
      this.#left--;
      return true;
    }
    this.#omitted++;
    return false;
  }

  /** Another second: returns how many were left out in the last one. */
  renew(): number {
    const omitted = this.#omitted;
    this.#left = this.perSecond;
    this.#omitted = 0;
    return omitted;
  }
}
