/** Bounds of an adaptive limit, and the duration that it aims at. */
export interface AdaptiveLimitPolicy {
  readonly min: number;
  readonly max: number;
  /** Median duration, in milliseconds, up to which the limit may rise. */
  readonly targetMs: number;
}

/** One run that has ended. */
export interface LimitSample {
  /** Start, by the clock of the caller. */
  readonly startedMs: number;
  readonly durationMs: number;
  /** Whether the limit was in full use while it ran. */
  readonly isFull: boolean;
  /** Whether it ended in a way that tells of too much load, such as a timeout. Its duration then does not count. */
  readonly isCongested: boolean;
}

/** Runs after which a window may be judged: at least as many, and at least as many as run at once. */
const MIN_SAMPLES = 10;
/** Least time between two raises, in milliseconds. A window that is too slow lowers the limit without delay. */
const RAISE_EVERY_MS = 1_000;
/** Time, in milliseconds, for which a limit that was too high is not tried again. */
const AVOID_MS = 10_000;
/** Share of congested runs that lowers the limit, whatever the durations are. */
const CONGESTED_SHARE = 0.1;
/** Factors of a lowered limit: after congestion, and bounds of the gradient otherwise. */
const HALF = 0.5, STEEPEST = 0.7, FLATTEST = 0.9;

/**
 * A limit of concurrent runs that follows their durations: additive increase, multiplicative decrease by the gradient
 * of target and median. The rule is that of Netflix's concurrency-limits (`AIMDLimit`, `Gradient2Limit`, `WindowedLimit`)
 * with a slow start as TCP has (RFC 5681), and a target instead of a measured base line. The first bad window after a
 * raise only takes the raise back.
 *
 * It reads no clock: its callers pass the time.
 */
export class AdaptiveLimit {
  #limit: number;
  /** The limit doubles until a window is bad. */
  #isSlowStart = true;
  /** The limit before it was raised; undefined if its last change was another. */
  #before: number | undefined;
  /** The lowest limit that was too high of late, and until when it is avoided. */
  #avoided = Infinity;
  #avoidedUntilMs = 0;
  /** Time of the last change. Runs that began earlier ran under another limit, and are not counted. */
  #changedMs = -Infinity;
  #windowMs: number | undefined;
  #durationsMs: number[] = [];
  #congested = 0;
  #wasFull = false;

  constructor(readonly policy: AdaptiveLimitPolicy) {
    this.#limit = policy.min;
  }

  /** Number of runs that may be under way. */
  get limit(): number {
    return this.#limit;
  }

  /** Notes the end of a run. Returns whether the limit has changed. */
  ended({ startedMs, durationMs, isFull, isCongested }: LimitSample, nowMs: number): boolean {
    if (startedMs < this.#changedMs) return false;
    this.#windowMs ??= startedMs;
    this.#durationsMs.push(isCongested ? Infinity : durationMs);
    if (isCongested) this.#congested++;
    if (isFull) this.#wasFull = true;
    if (this.#durationsMs.length < Math.max(MIN_SAMPLES, this.#limit)) return false;
    const before = this.#limit, medianMs = median(this.#durationsMs);
    const isCongestion = this.#congested >= CONGESTED_SHARE * this.#durationsMs.length;
    if (isCongestion || medianMs > this.policy.targetMs) {
      this.#lower(isCongestion ? HALF : this.#factor(medianMs), nowMs);
    } else if (nowMs - this.#windowMs < RAISE_EVERY_MS) return this.#shorten();
    else if (this.#wasFull) this.#raise(nowMs);
    this.#newWindow();
    if (this.#limit === before) return false;
    this.#changedMs = nowMs;
    return true;
  }

  #lower(factor: number, nowMs: number): void {
    const { min } = this.policy;
    this.#isSlowStart = false;
    this.#avoided = Math.min(this.#limit, nowMs < this.#avoidedUntilMs ? this.#avoided : Infinity);
    this.#avoidedUntilMs = nowMs + AVOID_MS;
    this.#limit = Math.max(min, this.#before ?? Math.floor(this.#limit * factor));
    this.#before = undefined;
  }

  #raise(nowMs: number): void {
    const before = this.#limit, ceiling = nowMs < this.#avoidedUntilMs ? this.#avoided - 1 : Infinity;
    this.#limit = Math.min(this.policy.max, Math.max(before, ceiling), this.#isSlowStart ? 2 * before : before + 1);
    this.#before = this.#limit === before ? undefined : before;
  }

  #factor(medianMs: number): number {
    return Math.min(FLATTEST, Math.max(STEEPEST, this.policy.targetMs / medianMs));
  }

  /** Drops the earlier half of a window's durations once there are many: until the limit may be raised, the later suffice. */
  #shorten(): false {
    const most = 4 * Math.max(MIN_SAMPLES, this.#limit);
    if (this.#durationsMs.length < most) return false;
    this.#durationsMs.splice(0, most / 2);
    this.#congested = this.#durationsMs.filter((ms) => ms === Infinity).length;
    return false;
  }

  #newWindow(): void {
    this.#windowMs = undefined;
    this.#durationsMs = [];
    this.#congested = 0;
    this.#wasFull = false;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
