import type { Outcome } from "../../runtime/core/outcome.ts";
import type { Plan } from "./events.ts";

/** Everything that befell one event, as an onlooker who misses nothing would have written it down. */
export class Account {
  /** How often its handler was begun. */
  runs = 0;
  /** Runs whose handler threw, as far as anybody was there to catch it. */
  thrown = 0;
  /** Runs that ended badly, and of which the pipeline decided so: each has used an attempt. */
  failures = 0;
  /** Runs that took their process with them. */
  kills = 0;
  /** Runs that a shutdown broke off. */
  brokenOff = 0;
  /** Runs that a dependency's breaker ended: they used no attempt. */
  refused = 0;
  /** How often the pipeline decided that it is done. */
  successes = 0;
  /**
   * What hit it from outside: a request about it that failed or went unanswered, a delivery of which nothing was heard
   * for the whole ack wait, an answer that came so late that it hit another delivery, a run that the schedule kept beyond its deadline.
   */
  faults = 0;
  /** How often it was doubled: its original came back, or was delayed again, although a delayed retry was stored. */
  forks = 0;
  /** The places it was handed out from: its own, and one for each time that it came back from the retry stream. */
  readonly places = new Set<string>();
  /** How often it was handed out again while a process that had it before was alive, and may have been at it still. */
  overlaps = 0;
  /** What had hit it when it was first decided that it ends, one way or the other. */
  faultsBeforeEnd: number | undefined;
  /** Decided outcomes, in order: for the trace of a finding. */
  readonly outcomes: string[] = [];

  constructor(readonly plan: Plan, readonly seq: number) {}

  /** Notes what was decided of a delivery. */
  decided(outcome: Outcome): void {
    const skipped = outcome.kind === "ack" && outcome.skipped;
    if (outcome.kind !== "retry" && !skipped) this.faultsBeforeEnd ??= this.faults;
    if (outcome.kind === "ack") this.successes += skipped ? 0 : 1;
    else if (outcome.kind === "retry" && outcome.reason === "dependency-open") this.refused++;
    else if (outcome.kind === "retry" && outcome.usesAttempt) this.failures++;
    else if (outcome.kind === "dead-letter" && outcome.reason === "attempts-exhausted") this.failures++;
    this.outcomes.push("reason" in outcome ? `${outcome.kind} ${outcome.reason}` : outcome.kind);
  }
}

/** In place of an event's id: it may have been any. */
export const ANY = "*";

/** The accounts of all events of one schedule. */
export class Ledger {
  readonly accounts = new Map<string, Account>();
  /** Which event was handed out from which place of which stream. */
  readonly #places = new Map<string, string>();
  readonly #delayed = new Set<string>();
  readonly #holders = new Map<string, object>();

  open(plan: Plan, seq: number): void {
    this.accounts.set(plan.id, new Account(plan, seq));
  }

  of(id: string): Account {
    const account = this.accounts.get(id);
    if (!account) throw new Error(`no such event: ${id}`);
    return account;
  }

  /** @param isAlive whether a process that it was handed out to is still there */
  handedOut(id: string, place: string, to: object, isAlive: (holder: object) => boolean): void {
    const holder = this.#holders.get(place);
    if (holder && isAlive(holder)) this.of(id).overlaps++;
    this.#holders.set(place, to);
    this.#places.set(place, id);
    const account = this.of(id);
    account.places.add(place);
    if (this.#delayed.has(place)) account.forks++;
  }

  /** A copy of what was handed out from that place is stored, to come back later. */
  delayed(place: string): void {
    if (this.#delayed.has(place)) this.of(this.#places.get(place)!).forks++;
    this.#delayed.add(place);
  }

  at(place: string): string | undefined {
    return this.#places.get(place);
  }

  /** An answer to an older delivery from that place ended a newer one. */
  overtook(place: string): void {
    const account = this.of(this.#places.get(place)!);
    account.faults++;
    account.overlaps++;
  }

  fault(id: string | undefined): void {
    if (id === ANY) { for (const account of this.accounts.values()) account.faults++; }
    else if (id !== undefined) this.of(id).faults++;
  }
}
