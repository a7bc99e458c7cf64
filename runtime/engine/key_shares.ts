import { decideOutcome, deferForKey, giveBack } from "../core/decide_outcome.ts";
import type { Outcome } from "../core/outcome.ts";
import { KEY_MOVES, KEY_ROOM, KEY_ROOM_BYTES, type KeySharePolicy } from "../project/concurrency_policy.ts";
import type { FunctionPolicy } from "../project/resolve_policy.ts";
import type { AdmissionRule } from "./admission.ts";
import type { Attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";
import { shortKey } from "./event_key.ts";
import { resultOfThrown } from "./handler_runner.ts";
import { KeyPace, SKIP_MIN_MS } from "./key_pace.ts";
import { type BusyKey, type HeldAttempt, KeyTable } from "./key_table.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { Ports } from "./ports.ts";
import { HORIZON_MS } from "./prefetch.ts";
import { PrefetchMark } from "./prefetch_mark.ts";

const SHUTDOWN = giveBack("shutdown");
const LEASE_EXPIRED: Outcome = { kind: "lease-expired" };
/** Interval, in milliseconds, at which it is checked that what waits begins soon. */
const CHECK_MS = 1_000;
/** Longest wait for the next event of a key that runs, in milliseconds. A shorter one would idle keys of slow handlers. */
const MAX_WAIT_MS = 10_000;
/**
 * Shares the concurrency of a function among the keys of its events, in this process. Keys take turns for free handlers.
 * Deliveries of a key that has its share wait here, the earliest event first. While handlers are free and the room is
 * full, other keys may wait behind them: then the latest event of the key that holds most is skipped over. It is
 * retried when its turn comes.
 */
export class KeyShares implements AdmissionRule {
  readonly countsStarts = true;
  /** A delivery that comes all the same waits here. */
  readonly limitsPullsOnly = true;
  readonly clock: Clock;
  /** Attempts that run at once at the most. */
  readonly limit: number;
  readonly #keys: KeyTable;
  readonly #mark: PrefetchMark;
  /** Pace of all keys together. */
  readonly #pace = new KeyPace();
  readonly #listeners: (() => void)[] = [];
  #running = 0;
  #skipped = 0;
  #isClosed = false;
  #cancel: (() => void) | undefined;

  constructor(
    readonly functionName: string,
    { concurrency }: Pick<FunctionPolicy, "concurrency">,
    readonly policy: KeySharePolicy,
    { clock, attempts }: Pick<Ports, "clock" | "attempts">,
  ) {
    this.clock = clock;
    this.limit = concurrency;
    this.#keys = new KeyTable(policy.perKey);
    this.#mark = new PrefetchMark(functionName, attempts, () => this.#listeners.forEach((listener) => listener()));
  }

  /** Number of attempts that run. */
  get running(): number {
    return this.#running;
  }

  /** Number of deliveries that are held until their key has a handler. */
  get waiting(): number {
    return this.#keys.waiting;
  }

  /** Number of keys of which deliveries run, are held, or were skipped over and are to return. */
  get keys(): number {
    return this.#keys.size;
  }

  /** Number of deliveries that were skipped over since the start. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * Waits for the turn of an attempt, and runs it. Waits for a rate or a breaker come after the turn, so that a key takes
   * no more than its share of their permits either.
   *
   * @param refuse ends an attempt that must not run
   * @param mayWait Otherwise an attempt whose turn has not come is skipped over at once. Default: true.
   */
  async enter(
    attempt: Attempt,
    run: () => MaybePromise<Outcome>,
    refuse: (outcome: Outcome) => MaybePromise<Outcome>,
    mayWait = true,
  ): Promise<Outcome> {
    let name: string;
    try {
      name = shortKey(this.policy.by, attempt.event, `\`concurrency.by\` of ${this.functionName}`);
    } catch (error) {
      attempt.failedOption = "concurrency.by";
      return await refuse(decideOutcome(resultOfThrown(error), attempt));
    }
    attempt.handlerFromMs = undefined; // the wait does not count towards the handler's timeout
    const key = this.#keys.of(name, this.clock.now());
    const refusal = await this.#turn(key, attempt, mayWait);
    // Once the lease has expired another process may own the delivery: a retry that is stored now would be a second one.
    if (refusal) return await refuse(await attempt.lease.isValid() ? refusal : LEASE_EXPIRED);
    try {
      return await (await attempt.lease.isValid() ? run() : refuse(LEASE_EXPIRED));
    } finally {
      this.#ended(key);
    }
  }

  /**
   * While handlers are free that no key here may use, it permits more deliveries than it may hold: the excess is skipped
   * over. Before the mark is stored, no more may wait than handlers are free: if the process dies, each delivery that
   * waits has used up an attempt.
   */
  permits(): number {
    const free = this.limit - this.#running, { waiting, bytes } = this.#keys, nowMs = this.clock.now();
    if (!this.#mark.isStored(nowMs)) return Math.max(0, free - waiting);
    if (free === 0) return Math.max(0, this.#soon(nowMs) - waiting);
    if (waiting === 0) return free + this.#soon(nowMs);
    const isFull = waiting >= KEY_ROOM || bytes >= KEY_ROOM_BYTES;
    return isFull ? KEY_MOVES : Math.min(KEY_ROOM - waiting, Math.max(free, waiting));
  }

  admitsAgainAtMs(): undefined {
    return undefined; // the dispatcher asks again after each delivery
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    for (const { answer } of this.#keys.takeAll()) answer(SHUTDOWN);
  }

  /** Resolves to undefined when the attempt may run, and else to its outcome. */
  #turn(key: BusyKey, attempt: Attempt, mayWait: boolean): MaybePromise<Outcome | undefined> {
    if (this.#isClosed) return SHUTDOWN;
    const nowMs = this.clock.now();
    key.pace.resumed(nowMs);
    this.#pace.resumed(nowMs);
    if (this.#running < this.limit && key.isFree && key.waiting.length === 0) {
      this.#running++;
      key.running++;
      return undefined;
    }
    if (!mayWait) return this.#defer(key, attempt);
    return new Promise((answer) => {
      this.#keys.add(key, { attempt, answer, sinceMs: nowMs });
      this.#trim();
      this.#watch();
    });
  }

  #ended(key: BusyKey): void {
    const nowMs = this.clock.now();
    this.#running--;
    this.#keys.ended(key, nowMs);
    this.#pace.ended(nowMs);
    if (this.#running === 0) this.#pace.paused(nowMs);
    while (this.#running < this.limit) {
      const next = this.#keys.next();
      if (!next) break;
      this.#running++;
      next.held.answer(undefined);
    }
    this.#trim();
  }

  /** Skips over what exceeds the room, if that lets other keys begin. */
  #trim(): void {
    const keys = this.#keys;
    while (this.#running < this.limit && keys.exceeds(KEY_ROOM, KEY_ROOM_BYTES)) {
      this.#skip(keys.largest(keys.waiting > KEY_ROOM ? "number" : "bytes")!);
    }
  }

  /** @param held Default: the latest event of the key that waits. */
  #skip(key: BusyKey, held: HeldAttempt = this.#keys.removeLatest(key)): void {
    held.answer(this.#defer(key, held.attempt));
  }

  #defer(key: BusyKey, { excusedDeliveries }: Attempt): Outcome {
    const nowMs = this.clock.now(), outcome = deferForKey(key.pace.skip(nowMs, excusedDeliveries > 0));
    this.#skipped++;
    this.#keys.forgetIfIdle(key, nowMs); // its pace counts no time in which nothing of it is held
    return outcome;
  }

  /**
   * Skips over attempts whose wait here would be longer than their time in RETRIES: another process may be free. The
   * timer runs only while attempts wait.
   */
  #watch(): void {
    this.#cancel ??= this.clock.timer(CHECK_MS, () => {
      this.#cancel = undefined;
      const nowMs = this.clock.now();
      for (const key of this.#keys.withWaiting()) {
        const soon = Math.max(key.running, Math.floor(key.pace.perMs(nowMs) * SKIP_MIN_MS));
        while (key.waiting.length > soon) this.#skip(key);
        for (;;) {
          const overdue = this.#keys.removeOverdue(key, nowMs - MAX_WAIT_MS);
          if (!overdue) break;
          this.#skip(key, overdue);
        }
      }
      if (this.#keys.waiting > 0) this.#watch();
    });
  }

  /** Deliveries that begin in a moment: none of a slow handler. */
  #soon(nowMs: number): number {
    const soon = Math.floor(this.#pace.perMs(nowMs, 0) * HORIZON_MS);
    return soon < this.limit ? 0 : Math.min(KEY_ROOM, soon);
  }
}
