/**
 * Room that callers share. Half of it is divided among the callers, so that no caller is kept out by others. The other
 * half is for any caller. A single caller has all of it.
 */
export class SharedRoom {
  /** Part that each caller can always have. */
  readonly share: number;
  readonly #common: number;
  /**
   * Size that each caller holds. A caller that holds nothing keeps its entry: there are few, and a map whose entries
   * come and go is rebuilt often.
   */
  readonly #held = new Map<string | undefined, number>();
  #total = 0;
  /** Size that is taken from the common part: what callers hold beyond their shares. */
  #commonTaken = 0;

  constructor(readonly size: number, callers: number) {
    this.share = callers > 1 ? Math.floor(size / 2 / callers) : 0;
    this.#common = size - this.share * callers;
  }

  /**
   * Returns whether a caller can take `more`. While no caller holds anything, the first may exceed the size of the
   * room.
   */
  hasRoom(caller: string | undefined, more: number): boolean {
    if (this.#total === 0) return true;
    const held = this.#held.get(caller) ?? 0, ofCommon = this.#beyond(held + more) - this.#beyond(held);
    return ofCommon === 0 || this.#commonTaken + ofCommon <= this.#common;
  }

  /** Changes what a caller holds. */
  take(caller: string | undefined, more: number): void {
    const before = this.#held.get(caller) ?? 0, now = before + more;
    this.#total += more;
    this.#commonTaken += this.#beyond(now) - this.#beyond(before);
    this.#held.set(caller, now);
  }

  #beyond(held: number): number {
    return Math.max(0, held - this.share);
  }
}
