import { decideOutcome } from "../core/decide_outcome.ts";
import type { Delivery } from "../core/delivery.ts";
import { keepHead, MAX_AWAY_MS, waitForKey } from "../core/order.ts";
import { type Outcome, waitsForOtherRelease } from "../core/outcome.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { OrderPolicy } from "../project/order_policy.ts";
import type { Admission } from "./admission.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptStore } from "./attempt_store.ts";
import type { Clock } from "./clock.ts";
import { resultOfThrown } from "./handler_runner.ts";
import { KnownEvents, type Turn } from "./known_events.ts";
import type { OrderSink, OrderSource } from "./order_source.ts";
import { OverdueCheck } from "./overdue_check.ts";
import { PrefetchMark } from "./prefetch_mark.ts";
import { Takeover } from "./takeover.ts";
import { turnKey } from "./turn_key.ts";
import { WaitingTurns } from "./waiting_turns.ts";

/** Delay, in milliseconds, after which an event that found no room comes again. */
const AGAIN_MS = 1_000;

/**
 * Lets the events of a key begin one at a time, in the order of their stream, and those of different keys at once.
 *
 * Invariant: an event begins only if every message of its consumer with a lower sequence is settled, or is known here
 * and has another key. {@linkcode Takeover} establishes it, and it lasts while every further delivery comes to this
 * process: the source resets the order when one may not have.
 */
export class KeyedOrder implements OrderSink {
  readonly #policy: OrderPolicy;
  readonly #known = new KnownEvents();
  readonly #waiting = new WaitingTurns();
  /** Turns that may begin once a handler ends. */
  readonly #ready = new Set<Turn>();
  /** Keys of which a handler runs in this process. */
  readonly #running = new Set<string>();
  readonly #settling = new Set<Delivery>();
  readonly #takeover: Takeover;
  readonly #overdue: OverdueCheck;
  readonly #mark: PrefetchMark;
  #source: OrderSource | undefined;
  #inbox = 0;
  #isClosed = false;

  constructor(
    readonly fn: ResolvedFunction,
    readonly clock: Clock,
    attempts: AttemptStore,
    readonly admission: Pick<Admission, "countsHeld">,
  ) {
    this.#policy = fn.policy.order!;
    this.#takeover = new Takeover(
      this.#known,
      clock,
      (knowsAll) => knowsAll ? this.#advanceAll() : this.#startOver(false),
    );
    this.#overdue = new OverdueCheck(this.#known, clock, () => this.#startOver(true));
    this.#mark = new PrefetchMark(fn.name, attempts, () => {});
  }

  /** Connects the consumers. Without them no other process handles events, as in a test of one event. */
  connect(source: OrderSource): void {
    this.#source = source;
    this.#takeover.begin(source);
    source.connect(this);
  }

  /** Number of events that wait in memory for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Number of events that wait for their turn in memory, or were given back until then. */
  get unsettled(): number {
    return Math.max(0, this.#known.size - this.#running.size);
  }

  get blockedKeys(): number {
    return this.#known.blockedKeys(this.clock.now());
  }

  /** Whether this process handles the events, waits for what an earlier one holds, or stands by. */
  get state(): "holder" | "taking-over" | "standby" {
    if (this.#source && !this.#source.isHolder) return "standby";
    return this.#takeover.isComplete ? "holder" : "taking-over";
  }

  /** Notes a delivery. Called for each, in the order of their arrival, before any of them begins. */
  arrived(attempt: Attempt): void {
    this.#mark.isStored(this.clock.now()); // most of what a process holds when it dies has not begun
    attempt.turn = this.#known.add(attempt.delivery, (lane) => turnKey(attempt, this.#source?.isMain(lane) ?? true));
    attempt.turn.inbox = this.#inbox;
    this.#takeover.arrived(attempt.delivery.deliveryCount);
  }

  /** Waits for an attempt's turn. Returns undefined when it may begin, and else the outcome that gives it back. */
  take({ turn, delivery }: Attempt): Outcome | undefined | Promise<Outcome | undefined> {
    const nowMs = this.clock.now();
    if (!turn || this.#isClosed || !this.#known.has(turn)) return waitForKey(0);
    if (turn.dueMs > nowMs) return waitForKey(turn.dueMs - nowMs);
    if (turn.key === undefined) return undefined;
    const taken = this.#waiting.add(turn, delivery.payload.length);
    this.#offer(turn);
    if (!this.#known.isFirst(turn)) this.#overdue.begin();
    // An event that waits here would take the permit of the one that it waits for.
    if (this.#waiting.has(turn) && this.admission.countsHeld) this.#waiting.giveBack(turn, AGAIN_MS);
    while (this.#waiting.room < 0) this.#giveOneBack();
    return taken;
  }

  /** Returns the outcome of an attempt whose key is not known since `by` failed; undefined for any other. */
  keyFailure(attempt: Attempt): Outcome | undefined {
    const { error } = attempt.turn!;
    return error === undefined ? undefined : decideOutcome(resultOfThrown(error), attempt);
  }

  /** Lets an event that blocks its key run again, whatever its attempts, unless its process died in the last one. */
  keepTrying(attempt: Attempt): void {
    const { number, isUnended, retry: { attempts } } = attempt;
    if (this.#policy.onFailure === "block" && !isUnended) attempt.number = Math.min(number, attempts);
  }

  /** Returns the outcome of an attempt, under the function's `onFailure`. */
  decided(attempt: Attempt, outcome: Outcome): Outcome {
    const isOrdered = attempt.turn?.key !== undefined && !attempt.ending;
    return isOrdered ? keepHead(outcome, this.#policy.onFailure, attempt) : outcome;
  }

  /** Returns whether counts stay as they are. Without the mark, an earlier delivery would be presumed to have begun. */
  needsNoCounts(outcome: Outcome): boolean {
    return outcome.kind === "retry" && outcome.reason === "waits-for-key" && this.#mark.isStored(this.clock.now());
  }

  /** Returns the outcome to settle: an event that is retried keeps its place in its consumer. */
  inPlace({ turn }: Attempt, outcome: Outcome): Outcome {
    if (!turn || outcome.kind !== "retry" || turn.key === undefined && !turn.holdsAll) return outcome;
    if (outcome.reason !== "waits-for-key") turn.dueMs = this.clock.now() + outcome.delayMs;
    return { ...outcome, delayMs: Math.min(outcome.delayMs, MAX_AWAY_MS) };
  }

  /**
   * Returns whether an attempt may be settled: not if another process may have its event. In a lost connection the lease
   * of a running handler is not extended, so after a reconnect the server is asked. The lease may expire meanwhile.
   */
  async maySettle({ turn, lease }: Attempt): Promise<boolean> {
    if (!await lease.isValid()) return false;
    if (!turn || !this.#source || turn.inbox === this.#inbox) return true;
    return await this.#source.isLast().catch(() => false) && await lease.isValid();
  }

  /** Notes that the settlement of an attempt begins. */
  settles({ delivery }: Attempt): void {
    this.#settling.add(delivery);
  }

  /** Notes that an attempt is settled. @param isStored False if its settlement failed: it is delivered again. */
  settled({ turn, delivery }: Attempt, outcome: Outcome, isStored: boolean): void {
    this.#settling.delete(delivery);
    if (!turn) return;
    if (turn.state === "running") this.#running.delete(turn.key!);
    turn.state = "away";
    turn.backMs = this.clock.now() + (outcome.kind === "retry" ? Math.min(outcome.delayMs, MAX_AWAY_MS) : 0);
    if (outcome.kind === "lease-expired" && this.#known.has(turn)) return this.reset(false);
    if (outcome.kind !== "retry" && isStored) this.#known.delete(turn);
    if (turn.holdsAll && outcome.kind === "retry" && waitsForOtherRelease(outcome.reason)) {
      return this.#source?.stepDown(outcome.delayMs); // to a process of that release
    }
    if (turn.holdsAll) this.#advanceAll();
    if (turn.key !== undefined) this.#advance(turn.key);
    for (const ready of [...this.#ready]) {
      if (this.#isFull) break;
      else this.#offer(ready);
    }
  }

  reset(keepsRunning: boolean): void {
    if (!keepsRunning) {
      this.#inbox++;
      // Until its dead letter is stored, another process may have received it.
      for (const delivery of this.#settling) delivery.ackSubject = new Uint8Array();
      this.#settling.clear();
    }
    this.#startOver(keepsRunning);
  }

  room(): number {
    if (!this.#takeover.isComplete) return this.#takeover.room;
    const free = this.#waiting.room;
    const idle = this.fn.policy.concurrency - this.#running.size;
    // If only events that must wait are held, others may still begin.
    return free > 0 ? free + idle : this.#ready.size === 0 ? idle : 0;
  }

  /** Gives back what waits, and all that comes later. */
  close(): void {
    this.#isClosed = true;
    this.#overdue.stop();
    this.#takeover.close();
    this.#endWaits();
  }

  get #isFull(): boolean {
    return this.#running.size >= this.fn.policy.concurrency;
  }

  #advanceAll(): void {
    for (const turn of this.#waiting.all()) this.#offer(turn);
  }

  #advance(key: string): void {
    for (const turn of this.#known.firstsOf(key)) this.#offer(turn);
  }

  /** Begins a waiting event if nothing holds it up. */
  #offer(turn: Turn): void {
    const key = turn.key!;
    this.#ready.delete(turn);
    if (!this.#waiting.has(turn) || !this.#takeover.isComplete) return;
    if (this.#running.has(key) || !this.#known.isFirst(turn)) return;
    if (this.#isFull) return void this.#ready.add(turn);
    const begin = this.#waiting.take(turn);
    this.#running.add(key);
    turn.state = "running";
    if (!this.#source || this.#source.isMain(turn.lane)) return begin(undefined);
    // An event of RETRIES may come to a process that no longer receives the others.
    const owned = this.#source.owns().catch(() => false);
    void owned.then((owns) => begin(owns && this.#known.has(turn) ? undefined : waitForKey(AGAIN_MS)));
  }

  /** Gives back the latest event, of those that another one holds up if there are any: it has the longest to wait. */
  #giveOneBack(): void {
    const turns = this.#waiting.all(), heldUp = turns.filter((turn) => !this.#known.isFirst(turn));
    const last = (heldUp.length > 0 ? heldUp : turns).reduce((a, b) => b.sequence > a.sequence ? b : a);
    const dueMs = this.#known.firstOf(last)?.dueMs ?? 0;
    this.#ready.delete(last);
    this.#waiting.giveBack(last, Math.max(AGAIN_MS, dueMs - this.clock.now()));
  }

  #startOver(keepsRunning: boolean): void {
    this.#known.clear(keepsRunning);
    this.#takeover.reset();
    this.#endWaits();
  }

  #endWaits(): void {
    this.#ready.clear();
    this.#waiting.giveAllBack();
  }
}
