import type { Span } from "@opentelemetry/api";
import type { KvBucket, Log } from "../api/context.ts";
import type { AckSubject, Delivery } from "../core/delivery.ts";
import type { OutgoingEvent, WeirEvent } from "../core/event.ts";
import type { DeadLetterOutcome, Outcome } from "../core/outcome.ts";
import type { BreakerState } from "../core/breaker.ts";
import type { MaybePromise } from "./maybe_promise.ts";

/**
 * Time and chance, handed in so that a test can hold both still.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertRetried, type Clock, invoke, TestClock } from "weir/testing";
 *
 * const unlucky: Clock = Object.assign(new TestClock(), { chance: 0.99 });
 * const fails = defineFunction({ on: "demo.asked", retry: { initial: "1s" } }, () => {
 *   throw new Error("not now");
 * });
 * assertRetried(await invoke(fails, {}, { clock: unlucky }), { delayMs: 990 });
 * ```
 */
export interface Clock {
  /** Milliseconds since 1970; of a clock for spans alone, since it began. */
  now(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Calls back once after `delayMs`; returns what cancels it. */
  timer(delayMs: number, callback: () => void): () => void;
}

/**
 * What JetStream said of an event that it stored.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import type { PublishResult } from "weir/testing";
 *
 * const place = ({ stream, sequence, duplicate }: PublishResult) => `${stream}:${sequence}${duplicate ? " again" : ""}`;
 * assert.equal(place({ stream: "DEMO", sequence: 4, duplicate: true }), "DEMO:4 again");
 * ```
 */
export interface PublishResult {
  /** The stream that has it. */
  readonly stream: string;
  /** Its position in the stream, from 1. */
  readonly sequence: number;
  /** True when it had an event with this id already and stored nothing new. */
  readonly duplicate: boolean;
}

/**
 * Stores events. Rejects when an event is not known to be stored, with `transient: true` on the error when nothing is
 * wrong with the event: NATS is away, or its stream is full.
 */
export interface Publisher {
  /** @param sinceMs it may have been stored already, at that time or later; undefined: JetStream itself would notice */
  publish(event: OutgoingEvent, sinceMs?: number): Promise<PublishResult>;
}

/** How settling went. On a failure the message is still with JetStream, which hands it out again. */
export type Settlement = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

/** What an event has used up by the time it is settled; unknown for one that never began. */
export interface Progress {
  readonly attempts: number;
  readonly excusedDeliveries: number;
  /** What it emits may be stored already, since then. */
  readonly emittedSinceMs?: number;
  /** Its end was decided at an earlier delivery: the dead letter may be stored already. */
  readonly ending?: boolean;
  /** The span of this attempt, as a W3C `traceparent`: the next one links to it. */
  readonly attemptTrace?: string;
}

/** Carries out an outcome. Never rejects: it returns what happened. */
export interface Settler {
  settle(
    functionName: string,
    delivery: Delivery,
    outcome: Outcome,
    progress?: Progress,
    claim?: Claim,
  ): MaybePromise<Settlement>;
  /** Tells JetStream that the delivery is still being worked on. */
  extend(delivery: Delivery): void;
}

/** Sees to it that what is held stays ours even while a handler blocks the thread, and knows when it did not. */
export interface Leases {
  /** Begins with a delivery that just came. */
  hold(handle: AckSubject): Lease;
}

/** A delivery that is held. */
export interface Lease {
  /**
   * Whether it is still ours; asked when its handler is about to run, since it may have waited long for one that
   * computes. It is a promise when that has only just let go of the thread, which then needs a moment for its acks.
   */
  mine(): MaybePromise<boolean>;
  /** It was handed out again, by this name: it is ours from now on. */
  renew(handle: AckSubject): void;
  release(): void;
}

/** What is known of a message's deliveries besides how many there were. */
export interface AttemptCounts {
  /** Attempts that began: how often its handler was run. */
  readonly begun: number;
  /** Deliveries that used no attempt. */
  readonly free: number;
  /** False when every attempt so far is known to have stored nothing of what it emitted. */
  readonly emitted: boolean;
  /** It waits elsewhere for its next attempt, and this delivery of it is one too many. */
  readonly delayed?: boolean;
  /** How the event ends: decided, and perhaps carried out. */
  readonly ending?: DeadLetterOutcome;
  /** The span of the last delivery that was settled, as a W3C `traceparent`. */
  readonly attemptTrace?: string;
}

/** Remembers counts: JetStream counts deliveries, and a delivery may never have reached a handler. */
export interface AttemptStore {
  /** Undefined when nothing was ever written of this message. */
  read(functionName: string, delivery: Delivery): Promise<AttemptCounts | undefined>;
  write(functionName: string, delivery: Delivery, counts: AttemptCounts): Promise<void>;
}

/**
 * An event that this delivery alone may handle now.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Claim, MemoryIdempotencyStore } from "weir/testing";
 *
 * const inbox = new MemoryIdempotencyStore();
 * const claimed = await inbox.claim("greet", "e1", 30_000, 60_000);
 * assert.ok(claimed.kind === "claimed");
 * const claim: Claim = claimed.claim;
 * await claim.complete();
 * assert.equal((await inbox.claim("greet", "e1", 30_000, 60_000)).kind, "done");
 * ```
 */
export interface Claim {
  /** It was handled, and is not to be again. Rejects when that is not known to be stored. */
  complete(): Promise<void>;
  /** It was not: another delivery may. */
  release(): Promise<void>;
}

/**
 * What the inbox says of an event: it is ours, it was handled before, or another delivery is at it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type ClaimResult, MemoryIdempotencyStore } from "weir/testing";
 *
 * const mayRun = ({ kind }: ClaimResult) => kind === "claimed";
 *
 * const inbox = new MemoryIdempotencyStore();
 * assert.ok(mayRun(await inbox.claim("greet", "e1", 30_000, 60_000)));
 * assert.ok(!mayRun(await inbox.claim("greet", "e1", 30_000, 60_000))); // the first is at it
 * ```
 */
export type ClaimResult =
  | { readonly kind: "claimed"; readonly claim: Claim }
  | { readonly kind: "done" }
  | { readonly kind: "in-progress" };

/**
 * Remembers which events a function has handled.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type IdempotencyStore, MemoryIdempotencyStore, TestClock } from "weir/testing";
 *
 * const clock = new TestClock(), inbox: IdempotencyStore = new MemoryIdempotencyStore(clock);
 * await inbox.claim("greet", "e1", 30_000, 60_000);
 * await clock.advance("30s"); // whoever had it is dead by now
 * assert.equal((await inbox.claim("greet", "e1", 30_000, 60_000)).kind, "claimed");
 * ```
 */
export interface IdempotencyStore {
  /**
   * Claims an event for one delivery.
   *
   * @param key names the event among those of the function
   * @param leaseMs how long the claim holds if its process dies
   * @param ttlMs how long a handled event is remembered
   */
  claim(functionName: string, key: string, leaseMs: number, ttlMs: number): Promise<ClaimResult>;
}

/**
 * Opens key-value buckets.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type KvStore, MemoryKvStore } from "weir/testing";
 *
 * // A store of which every bucket has a prefix, such as a customer's.
 * const prefixed = (kv: KvStore, prefix: string): KvStore => ({ bucket: (name) => kv.bucket(`${prefix}-${name}`) });
 *
 * const kv = new MemoryKvStore();
 * await prefixed(kv, "acme").bucket("orders").put("o1", "paid");
 * assert.deepEqual(kv.contents(), { "acme-orders": { o1: "paid" } });
 * ```
 */
export interface KvStore {
  /** The bucket of that name, made if need be. */
  bucket<Value>(name: string): KvBucket<Value>;
}

/** One delivery on its way through a function. */
export interface Invocation {
  readonly functionName: string;
  readonly delivery: Delivery;
  readonly event: WeirEvent;
  readonly attempt: number;
  /** The pattern that it woke the function by; undefined when there is none any more. */
  readonly trigger?: string;
  /** The span of the delivery before this one, as a W3C `traceparent`. */
  readonly previous?: string;
}

/** What the observer gives an invocation. */
export interface Scope {
  readonly span: Span;
  readonly log: Log;
}

/** A breaker's change of state. */
export interface BreakerChange {
  /** A function's name, or a dependency's. */
  readonly name: string;
  readonly of: "function" | "dependency";
  readonly from: BreakerState["kind"];
  readonly to: BreakerState["kind"];
  /** How long it stays open when it opens. */
  readonly openForMs: number;
}

/** Sees everything, changes nothing: what `run` returns is what `observe` must return. */
export interface Observer {
  observe<O extends Outcome>(invocation: Invocation, run: (scope: Scope) => MaybePromise<O>): MaybePromise<O>;
  breakerChanged(change: BreakerChange): void;
}

/** Hands out deliveries as fast as its sink has credits for them. */
export interface Consumer {
  start(sink: ConsumerSink): void;
  /** The sink has, or may have, more credits than before. */
  wake(): void;
  /** Stops pulling. What was handed out stays valid and can still be settled. */
  stop(): Promise<void>;
  /** Undefined when pulling works; else what is wrong. */
  problem(): string | undefined;
}

/** Takes deliveries. */
export interface ConsumerSink {
  /** How many more deliveries could begin now. */
  credits(): number;
  /** Whether nothing may begin, however many slots are free: a breaker is open, or it stops. */
  closed(): boolean;
  deliver(delivery: Delivery): void;
}

/** Everything a function's pipeline needs from outside. */
export interface Ports {
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly settler: Settler;
  readonly attempts: AttemptStore;
  readonly idempotency: IdempotencyStore;
  readonly observer: Observer;
  readonly kv: KvStore;
}
