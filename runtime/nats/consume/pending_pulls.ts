/** One pull request that the server still owes us messages for. */
interface Pull {
  owed: number;
  readonly goneAtMs: number;
}

/** What the server still owes us of what was asked for. */
export class PendingPulls {
  #pulls: Pull[] = [];

  /** How many deliveries. */
  get count(): number {
    let count = 0;
    for (const { owed } of this.#pulls) count += owed;
    return count;
  }

  /** @param goneAtMs when the server has surely forgotten it */
  add(owed: number, goneAtMs: number): void {
    this.#pulls.push({ owed, goneAtMs });
  }

  /** The server serves its pulls in turns: which of ours a message was for is not said, only the sum is right. */
  came(count: number): void {
    for (let left = count; left > 0 && this.#pulls.length > 0;) {
      const [first] = this.#pulls, part = Math.min(left, first.owed);
      first.owed -= part;
      left -= part;
      if (first.owed === 0) this.#pulls.shift();
    }
  }

  /** Forgets what the server has forgotten by now. */
  expire(nowMs: number): void {
    if (this.#pulls.some(({ goneAtMs }) => goneAtMs <= nowMs)) {
      this.#pulls = this.#pulls.filter(({ goneAtMs }) => goneAtMs > nowMs);
    }
  }

  clear(): void {
    this.#pulls = [];
  }
}
