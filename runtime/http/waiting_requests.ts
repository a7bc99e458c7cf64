import type { Clock } from "../engine/clock.ts";

/**
 * Requests that are answered once something happens: no more than a number at once, each for a time at the most. A stop
 * of the process ends them as well. That a caller has left is not heard: with the signal of a request, Deno 2.9 writes a
 * warning to the log.
 */
export class WaitingRequests {
  readonly #waiting = new Set<() => void>();
  #isStopped = false;

  constructor(readonly max: number, readonly clock: Clock) {}

  /** Whether one more request may wait. */
  get hasRoom(): boolean {
    return !this.#isStopped && this.#waiting.size < this.max;
  }

  /** Calls `onEnd` once: at the end of the time, or at another end. Returns a function that ends the waiting. */
  begin(limitS: number, onEnd: () => void): () => void {
    const end = () => {
      if (!this.#waiting.delete(end)) return;
      stopTimer();
      onEnd();
    };
    this.#waiting.add(end);
    const stopTimer = this.clock.timer(limitS * 1_000, end);
    return end;
  }

  /** Ends all waiting: those requests are answered with what is known of them. */
  stop(): void {
    this.#isStopped = true;
    for (const end of this.#waiting) end();
  }
}

/** Returns the seconds of `wait=` in a `Prefer` header (RFC 7240), up to `maxS`; undefined without. */
export function preferredWait({ headers }: Request, maxS: number): number | undefined {
  const preference = headers.get("prefer");
  if (preference === null) return undefined;
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(preference)?.[1];
  return seconds === undefined ? undefined : Math.min(maxS, Number(seconds));
}
