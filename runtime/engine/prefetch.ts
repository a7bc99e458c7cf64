/** Time, in milliseconds, for which deliveries are pulled ahead: as many as attempts ended in the last such time. */
export const HORIZON_MS = 50;
/** Pause, in milliseconds, after which an earlier pace says nothing about the next events. */
const FORGET_MS = 1_000;
/**
 * Greatest number of deliveries of one function that a process holds once it pulls ahead, including those that run. It
 * is half of JetStream's default for `max_ack_pending`, which all replicas share.
 */
export const HELD_AHEAD = 500;
/** Greatest number of deliveries that all functions of a process pull ahead together. */
const PROCESS_AHEAD = 4_000;
/** Upper bound of the payload bytes that one function pulls ahead. */
const BYTES_AHEAD = 4 * 2 ** 20;

/** Upper bounds of what one function pulls ahead. */
export interface PrefetchLimit {
  readonly deliveries: number;
  /** Payload bytes of the deliveries that wait and of those that are requested. */
  readonly bytes: number;
}

export const NO_PREFETCH: PrefetchLimit = { deliveries: 0, bytes: 0 };

/**
 * Returns the limit of one function of a process.
 *
 * @param functions Number of functions in the process.
 * @param streams Number of streams that it consumes: each consumer pulls ahead by itself.
 * @param bytes Payload bytes that the function may hold.
 */
export function prefetchLimit(concurrency: number, functions: number, streams: number, bytes: number): PrefetchLimit {
  const deliveries = Math.min(HELD_AHEAD - concurrency, PROCESS_AHEAD / functions) / streams;
  return { deliveries: Math.max(0, Math.floor(deliveries)), bytes: Math.min(BYTES_AHEAD, bytes / 4) };
}

/**
 * Estimates how many deliveries may wait for a slot, by the pace at which the latest attempts ended. Thus a quick
 * handler never waits for the network, and no delivery waits for a slow handler while an idle replica could take it.
 *
 * The estimate counts only time in which deliveries are held, so that neither a slow network nor a quiet stream looks
 * like a slow handler. The allowed number doubles at the most with each round. The class reads no clock: its callers
 * pass the time.
 */
export class Prefetch {
  /**
   * Attempts that ended in the last `HORIZON_MS` of work, and the duration of that work. Older work counts less and
   * less.
   */
  #ended = 0;
  #busyMs = 0;
  #endedSince = 0;
  /** Start of the work that is not counted yet; undefined while no delivery is held. */
  #busySinceMs: number | undefined;
  #idleSinceMs = 0;

  constructor(readonly concurrency: number, readonly limit: number) {}

  /** Records that a delivery has arrived while none was held. */
  resumed(nowMs: number): void {
    if (nowMs - this.#idleSinceMs > FORGET_MS) this.#ended = this.#busyMs = 0;
    this.#busySinceMs ??= nowMs;
  }

  /** Records the end of one attempt. */
  ended(): void {
    this.#endedSince++;
  }

  /**
   * Returns how many deliveries may wait for a slot now.
   *
   * @param isIdle Whether no delivery is held.
   */
  allowed(nowMs: number, isIdle: boolean): number {
    if (this.limit === 0) return 0;
    this.#measure(nowMs);
    if (isIdle && this.#busySinceMs !== undefined) this.#idleSinceMs = nowMs;
    this.#busySinceMs = isIdle ? undefined : nowMs;
    const soon = this.#busyMs > 0 ? this.#ended * HORIZON_MS / this.#busyMs : this.#ended * HORIZON_MS;
    // Fewer than there are slots means that a slot is taken for longer than the horizon: the handler is slow.
    if (soon < this.concurrency) return 0;
    return Math.floor(Math.min(soon, 2 * this.#ended, this.limit));
  }

  #measure(nowMs: number): void {
    const passedMs = this.#busySinceMs === undefined ? 0 : Math.max(0, nowMs - this.#busySinceMs);
    const kept = Math.max(0, 1 - passedMs / HORIZON_MS);
    this.#ended = this.#ended * kept + this.#endedSince;
    this.#busyMs = this.#busyMs * kept + passedMs;
    this.#endedSince = 0;
  }
}
