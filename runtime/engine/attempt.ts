import { type Context, INVALID_SPAN_CONTEXT, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import type { HandlerContext, Log } from "../api/context.ts";
import type { DeliveryFacts } from "../core/check_delivery.ts";
import type { Decoded } from "../core/cloudevent.ts";
import type { Delivery } from "../core/delivery.ts";
import type { OutgoingEvent, WeirEvent } from "../core/event.ts";
import { type DeadLetterOutcome, type ErrorDetail, type Outcome, waitsForOtherRelease } from "../core/outcome.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import type { ResolvedFunction, ResolvedTrigger } from "../project/resolve_function.ts";
import { areWritten, countsOfStart, excusedSoFar, presumedCounts, unendedSoFar } from "./attempt_counts.ts";
import type { AttemptCounts, AttemptStore } from "./attempt_store.ts";
import type { Batch } from "./batch.ts";
import type { Permit } from "./circuit_breaker.ts";
import type { ServerClock } from "./clock.ts";
import type { Claim } from "./idempotency_store.ts";
import type { Turn } from "./known_events.ts";
import type { Lease } from "./leases.ts";
import type { UsedUp } from "./settler.ts";

const NOTHING: readonly OutgoingEvent[] = [], NO_KEYS: ReadonlySet<string> = new Set();
const NO_SPAN: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
const NO_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };
const createNoLog = () => NO_LOG;

/**
 * The record of one delivery on its way through a function. It starts with the delivery, and each step of the pipeline
 * adds what it finds out. A delivery uses up one of the event's allowed attempts (`number`) only once the handler
 * begins. Hot path: all steps share this one object, see bench.
 */
export class Attempt implements DeliveryFacts {
  /** Trigger that covers the subject; undefined when the function does not listen to it. */
  trigger: ResolvedTrigger | undefined;
  decoded!: Decoded;

  /** Number of the attempt, from 1. Until a redelivery's stored counts are read, it is JetStream's delivery count. */
  number: number;
  /** Deliveries of the event so far that used up no attempt. */
  excusedDeliveries: number;
  /** Deliveries among `excusedDeliveries` that waited for another release. */
  otherReleaseDeliveries: number;
  /** Earliest time at which events that an earlier attempt emitted may have been stored; undefined if none were. */
  emittedSinceMs: number | undefined;
  /** True when the attempt's number is exact: at a first delivery, and once stored counts are applied. */
  isCounted: boolean;
  /** Error that prevented reading the stored counts. */
  stateError: unknown;
  /** Name of the option whose callback failed before the handler could run, such as `where`. Undefined if none failed. */
  failedOption: string | undefined;
  isDelayed = false;
  isCancelled = false;
  ending: DeadLetterOutcome | undefined;
  lastError: ErrorDetail | undefined;
  isUnended: boolean;
  /** Attempts in a row, up to the last one, that began and are not known to have ended. */
  deaths: number;
  /** True when an earlier delivery vanished, whether its handler is known to have begun or not. */
  hasVanished: boolean;
  /** True until the start of a redelivery's attempt is stored. */
  storesStart: boolean;
  /** Span of the event's previous delivery, as a W3C `traceparent`. */
  previousTrace: string | undefined;

  permit: Permit | undefined;
  claim: Claim | undefined;
  /** The batch that it runs in; undefined for an attempt that runs alone. */
  batch: Batch | undefined;
  /** Its place in the order of its key; undefined for a function without `order`. */
  turn: Turn | undefined;
  handlerContext: HandlerContext | undefined;
  emitted = NOTHING;
  /** Keys whose delayed events the handler has cancelled. */
  cancelledKeys = NO_KEYS;

  span = NO_SPAN;
  /** Context in which the handler runs; its active span is `span`. */
  otelContext: Context = ROOT_CONTEXT;
  createLog: (attempt: Attempt) => Log = createNoLog;
  /** Start, by the monotonic clock. */
  startedAtMs = 0;
  /** End, by the monotonic clock. 0 until then. */
  endedAtMs = 0;
  /** Time from which the handler's timeout counts, by the monotonic clock. Undefined: from when the handler begins. */
  handlerFromMs: number | undefined;
  /** Index in the `Slots` of the dispatcher; -1 outside. */
  slot = -1;
  #log: Log | undefined;

  constructor(
    readonly fn: ResolvedFunction,
    readonly clock: ServerClock,
    readonly delivery: Delivery,
    readonly lease: Lease,
  ) {
    const { history, deliveryCount } = delivery;
    this.isCounted = deliveryCount === 1;
    this.number = this.isCounted ? history.attempts + 1 : deliveryCount;
    this.excusedDeliveries = this.isCounted ? history.excusedDeliveries : 0;
    this.otherReleaseDeliveries = (this.isCounted ? history.otherReleaseDeliveries : undefined) ?? 0;
    this.emittedSinceMs = history.emittedSinceMs;
    this.previousTrace = history.attemptTrace;
    this.lastError = history.lastError;
    this.hasVanished = history.isUnended ?? false;
    this.deaths = this.hasVanished ? history.deaths ?? 1 : 0;
    this.isUnended = this.deaths > 0;
    // Without a stored start, an attempt that kills its process would be presumed not to have begun, at each deferral anew.
    this.storesStart = this.isCounted && this.hasVanished;
  }

  get functionName(): string {
    return this.fn.name;
  }

  get event(): WeirEvent {
    return this.decoded.event;
  }

  /**
   * Key of the stored message, for an event without an id. Ids and keys that are derived from the event include it. Its
   * stream and sequence alone do not suffice: they come again if the stream is deleted and created again.
   */
  get originKey(): string | undefined {
    if (!this.decoded.withoutId) return undefined;
    return this.delivery.history.originKey ?? this.delivery.messageKey;
  }

  /** Logger of the attempt, created on first use: most handlers do not log. */
  get log(): Log {
    return this.#log ??= this.createLog(this);
  }

  get subject(): string {
    return this.delivery.subject;
  }

  get isListenedTo(): boolean {
    return this.trigger !== undefined;
  }

  get retry(): ResolvedFunction["policy"]["retry"] {
    return this.fn.policy.retry;
  }

  get maxAgeMs(): number | undefined {
    return this.fn.policy.maxAgeMs;
  }

  get maxHops(): number {
    return this.fn.policy.maxHops;
  }

  /** Length of the chain of emitted events that ends with this event. Zero if no function emitted the event. */
  get hops(): number {
    return this.decoded.hops ?? 0;
  }

  get ageMs(): number {
    return this.clock.serverNow() - this.delivery.storedAtMs;
  }

  get serverNowMs(): number {
    return this.clock.serverNow();
  }

  get nowMs(): number {
    return this.clock.now();
  }

  get random(): number {
    return this.clock.random();
  }

  /** Counts to store before the handler of a redelivery runs, so that a crash uses up the attempt. */
  get countsAtStart(): AttemptCounts | undefined {
    return this.storesStart ? countsOfStart(this.delivery.history, this) : undefined;
  }

  /** Reads the stored counts of a redelivery. A failure becomes its `stateError`. */
  async readCounts(attempts: AttemptStore): Promise<void> {
    try {
      this.applyCounts(await attempts.read(this.fn.name, this.delivery));
    } catch (error) {
      this.stateError = error;
    }
  }

  /**
   * Applies the stored counts of a redelivery. If none are stored, presumes that an attempt has begun: see
   * {@linkcode presumedCounts}.
   */
  applyCounts(stored: AttemptCounts | undefined): void {
    const { history, storedAtMs } = this.delivery;
    const counts = stored ?? presumedCounts(history, this.retry.attempts);
    const { begun, mayHaveEmitted, delayed = false, ending, lastError = history.lastError } = counts;
    this.previousTrace = stored?.attemptTrace ?? history.attemptTrace;
    this.number = history.attempts + begun + 1;
    const soFar = excusedSoFar(history, counts);
    this.excusedDeliveries = soFar.excusedDeliveries;
    this.otherReleaseDeliveries = soFar.otherReleaseDeliveries ?? 0;
    this.emittedSinceMs ??= mayHaveEmitted === false ? undefined : storedAtMs;
    this.isDelayed = delayed;
    this.ending = ending;
    this.isCounted = true;
    this.lastError = lastError;
    const { isUnended = false, deaths = 0 } = unendedSoFar(history, stored);
    this.isUnended = isUnended && deaths > 0;
    this.deaths = deaths;
    this.hasVanished ||= !stored || !areWritten(stored);
    this.storesStart = true;
  }

  /**
   * Returns what the event has used up once the outcome is settled. Undefined if nothing is to be stored: the event is
   * done, the lease has expired, or the stored counts are unknown and must not be overwritten.
   *
   * Only a failure starts the count of deaths anew. After any other retry it goes on: an event that kills its process
   * would else run for ever if it is deferred in between.
   */
  usedUpAfter(outcome: Outcome): UsedUp | undefined {
    if (outcome.kind === "ack" || outcome.kind === "lease-expired" || !this.isCounted) return undefined;
    const { number, excusedDeliveries, emittedSinceMs, lastError, isUnended, deaths } = this;
    const excused = outcome.kind === "retry" && !outcome.usesAttempt;
    const hasFailed = !excused || outcome.reason === "blocks-key";
    const isForOther = outcome.kind === "retry" && waitsForOtherRelease(outcome.reason);
    const otherReleaseDeliveries = this.otherReleaseDeliveries + (isForOther ? 1 : 0);
    const attemptTrace = formatTraceparent(this.span.spanContext());
    return {
      attempts: excused ? number - 1 : number,
      excusedDeliveries: excused ? excusedDeliveries + 1 : excusedDeliveries,
      ...(otherReleaseDeliveries > 0 && { otherReleaseDeliveries }),
      emittedSinceMs,
      wasDecided: this.ending !== undefined,
      ...(outcome.kind === "dead-letter" && this.hasVanished && { mayHaveEnded: true }),
      ...(attemptTrace && { attemptTrace }),
      ...(lastError && { lastError }),
      ...(!hasFailed && isUnended && { isUnended, deaths }),
      ...(!hasFailed && this.hasVanished && { hasVanished: true }),
    };
  }
}
