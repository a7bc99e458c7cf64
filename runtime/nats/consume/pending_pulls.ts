import type { Clock } from "../../engine/clock.ts";
import { withTimeout } from "../client/with_timeout.ts";
import { QUIET_MS, STOP_MS } from "./pull_timing.ts";

interface Pull {
  /** Number of deliveries that the pull may still bring. */
  pending: number;
  readonly expiresAtMs: number;
}

/** The deliveries that pull requests may still bring. */
export class PendingPulls {
  #pulls: Pull[] = [];

  get count(): number {
    return this.#pulls.reduce((sum, { pending }) => sum + pending, 0);
  }

  /** Number of pulls that are not finished. */
  get size(): number {
    return this.#pulls.length;
  }

  /** @param expiresAtMs Time by which the server has forgotten the pull. */
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

  /** Forgets the pulls that have expired. Hot path: none has, as a rule, and no new array is made. */
  expire(nowMs: number): void {
    const isExpired = ({ expiresAtMs }: Pull) => expiresAtMs <= nowMs;
    if (this.#pulls.some(isExpired)) this.#pulls = this.#pulls.filter((pull) => !isExpired(pull));
  }

  clear(): void {
    this.#pulls = [];
  }

  /**
   * Resolves once no more deliveries come, or after {@linkcode STOP_MS}.
   *
   * @param flush Waits until everything that the server has sent is read.
   */
  async quiet(clock: Clock, flush: () => Promise<void>): Promise<void> {
    const giveUpAtMs = clock.now() + STOP_MS;
    for (let quiet = 0, pending = this.count; pending > 0 && quiet < 2 && clock.now() < giveUpAtMs;) {
      await new Promise<void>((resolve) => clock.timer(QUIET_MS / 2, resolve));
      await withTimeout(clock, STOP_MS, flush()).catch(() => {});
      const now = this.count;
      quiet = now === pending ? quiet + 1 : 0;
      pending = now;
    }
  }
}

/** Returns whether a status is the regular end of a pull: the pull has expired, or brought all that it may. */
export function isRegularEnd(code: number, description: string): boolean {
  return code === 408 || code === 409 && (exceedsBytes(description) || description === "Batch Completed");
}

/** Returns whether a status says that the next message was larger than what the pull could still bring. */
export function exceedsBytes(description: string): boolean {
  return description === "Message Size Exceeds MaxBytes";
}
