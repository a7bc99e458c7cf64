import { MAX_AWAY_MS, waitForKey } from "../core/order.ts";
import { type Outcome, waitsForOtherRelease } from "../core/outcome.ts";
import { eventsBegun } from "../project/batch_policy.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Admission } from "./admission.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptStore } from "./attempt_store.ts";
import type { Clock } from "./clock.ts";
import { KeyFailures } from "./key_failures.ts";
import { KnownEvents, type Turn } from "./known_events.ts";
import type { ParkedEvents } from "./parked_events.ts";
import { ParkedKeys } from "./parked_keys.ts";
import { OrderInbox } from "./order_inbox.ts";
import type { OrderSink, OrderSource } from "./order_source.ts";
import { OverdueCheck } from "./overdue_check.ts";
import { PrefetchMark } from "./prefetch_mark.ts";
import type { Settlement } from "./settler.ts";
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
  readonly inbox = new OrderInbox();
  readonly #known = new KnownEvents();
  readonly #waiting = new WaitingTurns();
  /** Turns that may begin once a handler ends. */
  readonly #ready = new Set<Turn>();
  /** Keys of which a handler runs in this process. */
  readonly #running = new Set<string>();
  readonly #takeover: Takeover;
  readonly overdue: OverdueCheck;
  readonly #mark: PrefetchMark;
  /** Events that run at once. */
  readonly #most: number;
  readonly failures: KeyFailures;
  #source: OrderSource | undefined;
  #isClosed = false;

  constructor(
    readonly fn: ResolvedFunction,
    readonly clock: Clock,
    attempts: AttemptStore,
    readonly admission: Pick<Admission, "countsHeld" | "leavesEvents">,
    parked?: ParkedEvents,
  ) {
    const policy = fn.policy.order!, known = this.#known;
    this.#most = eventsBegun(fn.policy);
    const parkedKeys = parked && policy.onFailure === "park" && new ParkedKeys(fn.name, parked, clock, {
      returned: () => known.redriven,
      isReturned: (key) => known.firstsOf(key).some(({ stream }) => !this.isMain(stream)),
      isRunning: (key) => this.#running.has(key),
      changed: (key) => this.#advance(key),
      loaded: () => this.#advanceAll(),
    });
    this.failures = new KeyFailures(policy, parkedKeys || undefined);
    this.#takeover = new Takeover(known, clock, (knowsAll) => {
      if (!knowsAll) this.#startOver(false);
      else if (parkedKeys) void parkedKeys.load();
      else this.#advanceAll();
    });
    this.overdue = new OverdueCheck(known, clock, () => this.#startOver(true));
    this.#mark = new PrefetchMark(fn.name, attempts, () => {});
  }

  /** Connects the consumers. Without them no other process handles events, as in a test of one event. */
  connect(source: OrderSource): void {
    this.#source = this.inbox.source = source;
    this.#takeover.begin(source);
    this.failures.parked?.connect(source);
    source.connect(this);
  }

  /** Number of events that wait for their turn in memory, or were given back until then. */
  get unsettled(): number {
    return Math.max(0, this.#known.size - this.#running.size);
  }

  get leavesEvents(): boolean {
    return this.admission.leavesEvents;
  }

  get blockedKeys(): number {
    return this.#known.blockedKeys(this.clock.now());
  }

  get parkedKeys(): number {
    return this.failures.parked?.size ?? 0;
  }

  /** Whether this process handles the events, waits for what an earlier one holds, or stands by. */
  get state(): "holder" | "taking-over" | "standby" {
    if (this.#source && !this.#source.isHolder) return "standby";
    return this.#mayBegin ? "holder" : "taking-over";
  }

  /** Notes a delivery. Called for each, in the order of their arrival, before any of them begins. */
  arrived(attempt: Attempt): void {
    this.#mark.isStored(this.clock.now()); // writes it: most of what a process holds when it dies has not begun
    attempt.turn = this.#known.add(attempt.delivery, (stream) => turnKey(attempt, this.isMain(stream)));
    this.inbox.arrived(attempt.turn);
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
    // An event that waits here would take the permit of the one that it waits for.
    if (this.#waiting.has(turn) && this.admission.countsHeld) this.#waiting.giveBack(turn, AGAIN_MS);
    while (this.#waiting.room < 0) this.#giveOneBack();
    return taken;
  }

  /** Returns the outcome of an attempt that must not run for its key; undefined if it may. */
  refusal(attempt: Attempt): Outcome | undefined {
    const { parked } = this.failures, { key, stream } = attempt.turn!, isMain = this.isMain(stream);
    // All keys were forgotten after its turn had come: this one may be parked.
    if (isMain && key !== undefined && parked?.isLoaded === false) return waitForKey(AGAIN_MS);
    return this.failures.refusal(attempt, isMain);
  }

  /** Returns whether a later event of its key waits for an attempt. */
  isAwaited({ turn }: Attempt): boolean {
    return turn?.key !== undefined && this.#known.isAwaited(turn);
  }

  /** Returns whether an outcome needs no stored counts: the event only waits for its key, and the mark says so. */
  needsNoCounts(outcome: Outcome): boolean {
    return outcome.kind === "retry" && outcome.reason === "waits-for-key" && this.#mark.isStored(this.clock.now());
  }

  /** Notes that an attempt is settled. It is delivered again if its settlement failed. */
  settled({ turn, delivery }: Attempt, outcome: Outcome, settlement: Settlement): void {
    const isStored = settlement.ok;
    this.inbox.settled(delivery);
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
    if (turn.key !== undefined) {
      const ended = isStored && outcome.kind !== "retry" ? delivery.deadLetterSequence : undefined;
      this.failures.parked?.settled(turn.key, isStored ? settlement.deadLetter : undefined, ended);
      this.#advance(turn.key);
    }
    for (const ready of [...this.#ready]) if (!this.#isFull) this.#offer(ready);
  }

  reset(keepsRunning: boolean): void {
    if (!keepsRunning) this.inbox.renew();
    this.#startOver(keepsRunning);
  }

  room(): number {
    if (!this.#takeover.isComplete) return this.#takeover.room;
    const free = this.#waiting.room;
    const idle = this.#most - this.#running.size;
    // If only events that must wait are held, others may still begin.
    return free > 0 ? free + idle : this.#ready.size === 0 ? idle : 0;
  }

  /** Gives back what waits, and all that comes later. */
  close(): void {
    this.#isClosed = true;
    this.overdue.stop();
    this.#takeover.close();
    this.failures.parked?.close();
    this.#endWaits();
  }

  get #isFull(): boolean {
    return this.#running.size >= this.#most;
  }

  /** Whether all that may hold an event up is known. */
  get #mayBegin(): boolean {
    return this.#takeover.isComplete && (this.failures.parked?.isLoaded ?? true);
  }

  /** Returns whether a stream is that of the triggers, not RETRIES. */
  isMain(stream: string): boolean {
    return this.#source?.isMain(stream) ?? true;
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
    if (!this.#waiting.has(turn) || !this.#mayBegin) return;
    if (!this.#known.isFirst(turn)) return this.overdue.begin();
    if (this.#running.has(key)) return;
    if (this.failures.parked?.isReturning(key) && this.isMain(turn.stream)) return;
    if (this.#isFull) return void this.#ready.add(turn);
    const begin = this.#waiting.take(turn);
    this.#running.add(key);
    turn.state = "running";
    if (this.isMain(turn.stream)) return begin(undefined);
    // An event of RETRIES may come to a process that no longer receives the others.
    const owned = this.#source!.owns().catch(() => false);
    void owned.then((owns) => begin(owns && this.#known.has(turn) ? undefined : waitForKey(AGAIN_MS)));
  }

  #giveOneBack(): void {
    const last = this.#waiting.latest((turn) => !this.#known.isFirst(turn));
    const dueMs = this.#known.firstOf(last)?.dueMs ?? 0;
    this.#ready.delete(last);
    this.#waiting.giveBack(last, Math.max(AGAIN_MS, dueMs - this.clock.now()));
  }

  #startOver(keepsRunning: boolean): void {
    this.#known.clear(keepsRunning);
    this.#takeover.reset();
    this.failures.parked?.reset();
    this.#endWaits();
  }

  #endWaits(): void {
    this.#ready.clear();
    this.#waiting.giveAllBack();
  }
}
