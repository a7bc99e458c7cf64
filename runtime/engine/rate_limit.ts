import { EMPTY_WINDOW, freeStarts, mergeWindows, nextEnd, type RateWindow } from "../core/rate_window.ts";
import { decideOutcome, deferForRate } from "../core/decide_outcome.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Outcome } from "../core/outcome.ts";
import type { RatePolicy } from "../project/resolve_policy.ts";
import type { AdmissionRule } from "./admission.ts";
import type { Attempt } from "./attempt.ts";
import type { ServerClock } from "./clock.ts";
import { ALL, eventKey } from "./event_key.ts";
import { resultOfThrown } from "./handler_runner.ts";
import { RateQueue, type RateScope } from "./rate_queue.ts";
import type { RatePorts, StoredWindow } from "./rate_store.ts";

/**
 * Bounds, in milliseconds, of the smallest hold. The hold is the time within which a handler must begin once its start is
 * taken: it follows how long the store takes to answer.
 */
const HOLD_MIN_MS = 20, HOLD_MAX_MS = 1_000;
/** Part of `per` that is the smallest hold, within those bounds. */
const HOLD_PART = 50;
/** Factor by which the hold shrinks after each answer. */
const HOLD_DECAY = 0.9;
/** Milliseconds between two tries of a store that fails. */
const TRY_AGAIN_MS = 2_000;
/** Number of keys above which idle ones are forgotten. */
const MAX_KEYS = 10_000;
/** Milliseconds that a stored window outlasts its starts. */
const TTL_MARGIN_MS = 10_000;

/**
 * Limits the starts of a function over all processes. While none are left, the function does not pull. A delivery that
 * was pulled before is held for two seconds at the most, or retried later. While the store fails, the process reports
 * that and keeps to its share of the limit. A process that starts meanwhile knows of no others, so its share is the
 * whole limit.
 */
export class RateLimit implements AdmissionRule, RateScope {
  /** True, since a delivery that has begun has taken its start. */
  readonly countsStarts = true;
  readonly processId = crypto.randomUUID().slice(0, 8);
  readonly #minHoldMs: number;
  #holdMs: number;
  readonly #queues = new Map<string, RateQueue>();
  readonly #listeners: (() => void)[] = [];
  #known = EMPTY_WINDOW;
  #problem: string | undefined;
  #admitsAtMs: number | undefined;
  #isClosed = false;
  #cancel: () => void = () => {};

  /** @param collected Returns the number of deliveries that will ask for a start with their batch. Default: none. */
  constructor(
    readonly functionName: string,
    readonly policy: RatePolicy,
    readonly ports: RatePorts,
    readonly clock: ServerClock,
    readonly collected: () => number = () => 0,
  ) {
    this.#holdMs = this.#minHoldMs = Math.min(HOLD_MAX_MS, Math.max(HOLD_MIN_MS, policy.perMs / HOLD_PART));
  }

  get holdMs(): number {
    return this.#holdMs;
  }

  /**
   * Sets the hold to twice the time that the store took to answer. After a slow answer the hold shrinks step by step,
   * since a longer hold lowers the rate.
   */
  answered(tookMs: number): void {
    const least = Math.max(this.#minHoldMs, this.#holdMs * HOLD_DECAY);
    this.#holdMs = Math.min(this.policy.perMs, Math.max(least, 2 * tookMs));
  }

  /** Number of deliveries that are held for a start. */
  get waiting(): number {
    return this.#queues.values().reduce((sum, { size }) => sum + size, 0);
  }

  /** Returns how the function is limited while the store fails. Undefined if the limit is shared. */
  problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Takes a start for an attempt. Returns the outcome of an attempt that must not begin, or undefined. Never rejects.
   */
  async take(attempt: Attempt): Promise<Outcome | undefined> {
    let key: string;
    try {
      key = eventKey(this.policy.by, attempt.event, `\`rate.by\` of ${attempt.functionName}`);
    } catch (error) {
      attempt.failedOption = "rate.by";
      return decideOutcome(resultOfThrown(error), attempt);
    }
    const answer = await this.#queue(key).take(1);
    if (answer.kind === "granted") return undefined;
    return answer.kind === "closed"
      ? decideOutcome({ kind: "shutdown" }, attempt)
      : deferForRate(answer.delayMs, attempt);
  }

  /**
   * Takes a start for each attempt of a batch at once, or as many as there will be within two seconds. Returns an outcome
   * for each that must not begin. Never rejects.
   */
  async takeAll(attempts: readonly Attempt[]): Promise<(Outcome | undefined)[]> {
    const answer = await this.#queue(ALL).take(attempts.length);
    return attempts.map((attempt, at) => {
      if (answer.kind === "granted" && at < answer.count) return undefined;
      return answer.kind === "closed"
        ? decideOutcome({ kind: "shutdown" }, attempt)
        : deferForRate(answer.delayMs, attempt);
    });
  }

  /**
   * Returns this process's part of the starts that will be free when a pulled event arrives. With `by` it is Infinity,
   * since the starts depend on the key of the event.
   */
  permits(): number {
    if (this.policy.by) return Infinity;
    const queue = this.#queue(ALL), free = freeStarts(queue.window, queue.limit, this.#pulledMs());
    const part = this.isLocal() ? free : Math.ceil(free / this.takers());
    return Math.max(0, part - queue.size - this.collected());
  }

  admitsAgainAtMs(): number | undefined {
    if (this.policy.by || this.permits() > 0) return undefined;
    const endMs = this.#nextEndMs();
    return endMs === undefined ? undefined : this.clock.now() + endMs - this.#pulledMs();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Calls the listeners, but only once for each time at which starts will be free: each call may set a timer. */
  changed(): void {
    const admitsAtMs = this.policy.by || this.permits() > 0 ? undefined : this.#nextEndMs();
    if (admitsAtMs !== undefined && admitsAtMs === this.#admitsAtMs) return;
    this.#admitsAtMs = admitsAtMs;
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    for (const queue of this.#queues.values()) queue.close();
  }

  isLocal(): boolean {
    return this.#problem !== undefined;
  }

  takers(): number {
    return Math.max(1, Object.keys(this.#known.takers).length);
  }

  note({ takers }: RateWindow): void {
    this.#known = mergeWindows(this.#known, { ends: [], takers }, this.policy.perMs, this.clock.serverNow());
  }

  read(key: string): Promise<StoredWindow> {
    return this.ports.store.read(this.functionName, key);
  }

  write(key: string, stored: StoredWindow): Promise<number | undefined> {
    const ttlMs = this.policy.perMs + this.holdMs + TTL_MARGIN_MS;
    return this.ports.store.write(this.functionName, key, stored, ttlMs);
  }

  failed(key: string, error: unknown): void {
    const isNew = this.#problem === undefined;
    this.#problem = `its rate is not shared, each process keeps to its part of the limit: ${
      errorDetail(error).message
    }`;
    if (!isNew || this.#isClosed) return;
    this.ports.reportProblem(this.functionName, this.#problem);
    this.#tryAgainLater(key);
  }

  #nextEndMs(): number | undefined {
    return nextEnd(this.#queue(ALL).window, this.#pulledMs());
  }

  /** Returns the time at which an event that is pulled now arrives. It may begin with a start that is free by then. */
  #pulledMs(): number {
    return this.clock.serverNow() + this.holdMs;
  }

  #tryAgainLater(key: string): void {
    this.#cancel = this.clock.timer(TRY_AGAIN_MS, async () => {
      try {
        await this.#queue(key).restore();
        if (this.#isClosed) return;
        this.#problem = undefined;
        this.ports.reportProblem(this.functionName, undefined);
        this.changed();
      } catch {
        if (!this.#isClosed) this.#tryAgainLater(key);
      }
    });
  }

  #queue(key: string): RateQueue {
    const found = this.#queues.get(key);
    if (found) return found;
    if (this.#queues.size >= MAX_KEYS && !this.isLocal()) {
      for (const [known, queue] of this.#queues) if (queue.isIdle) this.#queues.delete(known);
    }
    const queue = new RateQueue(key, this);
    this.#queues.set(key, queue);
    return queue;
  }
}
