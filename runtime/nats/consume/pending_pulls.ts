interface Pull {
  /** Deliveries that it may still bring. */
  pending: number;
  readonly expiresAtMs: number;
}

/** The deliveries that pull requests may still bring. */
export class PendingPulls {
  #pulls: Pull[] = [];

  get count(): number {
    return this.#pulls.reduce((sum, { pending }) => sum + pending, 0);
  }

  /** @param expiresAtMs when the server has forgotten the pull for certain */
  add(pending: number, expiresAtMs: number): void {
    this.#pulls.push({ pending, expiresAtMs });
  }

  /** Counts deliveries as received. A delivery does not name its pull: only the sum over all pulls is exact. */
  received(count: number): void {
    for (let left = count; left > 0 && this.#pulls.length > 0;) {
      const [first] = this.#pulls, part = Math.min(left, first.pending);
      first.pending -= part;
      left -= part;
      if (first.pending === 0) this.#pulls.shift();
    }
  }

  expire(nowMs: number): void {
    this.#pulls = this.#pulls.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }

  clear(): void {
    this.#pulls = [];
  }
}
