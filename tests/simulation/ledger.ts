import type { Outcome } from "../../runtime/core/outcome.ts";
import type { EventPlan } from "./events.ts";

/** The history of one event, recorded outside the runtime. */
export class Account {
  /** Handler runs that began. */
  runs = 0;
  /** Runs whose handler threw in a live process. */
  thrown = 0;
  /** Runs with an outcome that used an attempt. */
  failures = 0;
  /** Runs that killed their process. */
  kills = 0;
  /** Runs that a shutdown aborted. */
  aborted = 0;
  /** Runs that the open breaker of a dependency ended. They used no attempt. */
  refused = 0;
  /** Outcomes `ack` of a run. */
  successes = 0;
  /**
   * Injected faults: a request about it that failed or got no response, a delivery whose ack wait expired, an ack that
   * arrived so late that it ended a newer delivery, a run that the schedule kept beyond its deadline.
   */
  faults = 0;
  /** Those faults that are deliveries whose ack wait expired: also by the death of the process that it killed. */
  expiries = 0;
  /**
   * How often it was duplicated: its delayed retry was stored, and its original redelivered or delayed again after that,
   * or redelivered to another process before, or still run by another process.
   */
  forks = 0;
  /** Whether its dead letter was sent back before the process that stored it had settled its message: both go on. */
  isCopied = false;
  /** How often it was stored for a partition, without redriven ones. */
  assigned = 0;
  /** True once it was parked behind an earlier event of its key. */
  isParked = false;
  /** True once the operator discarded its dead letter. */
  isDiscarded = false;
  /** How often its dead letter was sent back. */
  redrives = 0;
  /** The time until which its last outcome delays it. */
  dueMs = 0;
  /** Delayed retries that were delivered before that. */
  early = 0;
  /** Keys of the messages that carried it: its own, and one for each delayed retry. */
  readonly messageKeys = new Set<string>();
  /** Redeliveries while the process that had the earlier delivery was alive, and may still have run it. */
  overlaps = 0;
  /** The value of `faults` at its first final outcome. */
  faultsBeforeEnd: number | undefined;
  /**
   * The most attempts in a row whose process may have died when it ended as crashed: each such death is a fault. The
   * count begins anew after a failure that no fault hit before the next delivery.
   */
  deathsAtCrash: number | undefined;
  #faultsBeforeRow = 0;
  /** The value of `faults` at its last outcome, if that was a failure. */
  #faultsAtFailure: number | undefined;
  /** Whether its last run in each replica succeeded by itself. */
  readonly succeededIn = new Map<object, boolean>();
  /** Outcomes that its last run does not bear out. */
  readonly problems: string[] = [];
  /** Outcomes in order, for the trace. */
  readonly outcomes: string[] = [];

  constructor(readonly plan: EventPlan, readonly seq: number) {}

  /** Records a delivery. @param isNacked True if it follows a nak */
  delivered(isNacked: boolean): void {
    if (isNacked && this.#faultsAtFailure === this.faults) this.#faultsBeforeRow = this.faults;
    this.#faultsAtFailure = undefined;
  }

  /** Records the outcome of a delivery in a replica. */
  decided(outcome: Outcome, replica: object): void {
    const skipped = outcome.kind === "ack" && outcome.skipped, succeeded = this.succeededIn.get(replica);
    // The copies of an event that was duplicated may run in one replica, and their runs are told apart by the event.
    const isOne = this.forks === 0;
    if (outcome.kind === "ack" && !skipped && !succeeded && isOne) this.problems.push("acked though its run failed");
    if (outcome.kind === "dead-letter" && outcome.reason === "rejected" && succeeded && isOne) {
      this.problems.push("rejected though its run succeeded");
    }
    if (outcome.kind !== "retry" && !skipped) this.faultsBeforeEnd ??= this.faults;
    const hasFailed = outcome.kind === "retry" && (outcome.usesAttempt || outcome.reason === "blocks-key");
    this.#faultsAtFailure = hasFailed ? this.faults : undefined;
    if (outcome.kind === "dead-letter" && outcome.reason === "crashed") {
      this.deathsAtCrash ??= this.faults - this.#faultsBeforeRow;
    }
    if (outcome.kind === "dead-letter" && outcome.reason === "parked") this.isParked = true;
    if (outcome.kind === "ack") this.successes += skipped ? 0 : 1;
    else if (outcome.kind === "retry" && outcome.reason === "dependency-open") this.refused++;
    else if (outcome.kind === "retry" && outcome.usesAttempt) this.failures++;
    else if (outcome.kind === "dead-letter" && outcome.reason === "attempts-exhausted") this.failures++;
    this.outcomes.push("reason" in outcome ? `${outcome.kind} ${outcome.reason}` : outcome.kind);
  }
}

/** Stands for every event's id, for faults that cannot be attributed to one. */
export const ANY = "*";

/** The histories of all events of one schedule. */
export class Ledger {
  readonly accounts = new Map<string, Account>();
  /** Event ids by message key. */
  readonly #events = new Map<string, string>();
  readonly #delayed = new Set<string>();
  readonly #holders = new Map<string, object>();

  open(plan: EventPlan, seq: number): void {
    this.accounts.set(plan.id, new Account(plan, seq));
  }

  of(id: string): Account {
    const account = this.accounts.get(id);
    if (!account) throw new Error(`no such event: ${id}`);
    return account;
  }

  /** Records a delivery. @param isHeld returns whether the process of the earlier delivery may still run or settle it */
  delivered(id: string, messageKey: string, to: object, isHeld: (holder: object) => boolean): void {
    const holder = this.#holders.get(messageKey);
    if (holder && isHeld(holder)) this.of(id).overlaps++;
    this.#holders.set(messageKey, to);
    this.#events.set(messageKey, id);
    const account = this.of(id);
    account.messageKeys.add(messageKey);
    if (this.#delayed.has(messageKey)) account.forks++;
  }

  /** Records that the delayed retry of a message is stored. @param isBy returns whether a process has stored it */
  delayed(messageKey: string, isBy: (holder: object) => boolean): void {
    // If the message was redelivered to another process meanwhile, both go on.
    if (this.#delayed.has(messageKey) || !isBy(this.#holders.get(messageKey)!)) {
      this.of(this.#events.get(messageKey)!).forks++;
    }
    this.#delayed.add(messageKey);
  }

  eventOf(messageKey: string): string | undefined {
    return this.#events.get(messageKey);
  }

  /** Records that the nak of an older delivery ended a newer one. */
  endedByOlderNak(messageKey: string): void {
    const account = this.of(this.#events.get(messageKey)!);
    account.faults++;
    account.overlaps++;
  }

  fault(id: string | undefined): void {
    if (id === ANY) { for (const account of this.accounts.values()) account.faults++; }
    else if (id !== undefined) this.of(id).faults++;
  }
}
