import { isSpanContextValid, type Span } from "@opentelemetry/api";
import type { Log } from "../api/context.ts";
import { formatDuration, readableDuration } from "../core/duration.ts";
import { isOwnModule } from "../core/own_modules.ts";
import { errorDetail } from "../core/error_detail.ts";
import { errorText, type Outcome, type RetryReason } from "../core/outcome.ts";
import type { Attempt } from "../engine/attempt.ts";
import type { Batch } from "../engine/batch.ts";
import { BatchRun } from "../engine/batch_run.ts";
import type { BreakerChange } from "../engine/circuit_breaker.ts";
import type { Observer } from "../engine/observer.ts";
import type { Settlement } from "../engine/settler.ts";
import { addBreakerEvent, endAttemptSpan, startAttemptSpan } from "./attempt_span.ts";
import { beginBatchSpan, endBatchSpan, recordInBatch } from "./batch_span.ts";
import type { Logger } from "./otel/logs/logger.ts";
import { readParent } from "./otel/propagation/trace_headers.ts";
import { epochMs } from "./otel/spans/span_clock.ts";
import { contextWith, SpanScope } from "./otel/spans/span_scope.ts";

/** Writes the spans and log lines of attempts. */
export class TelemetryObserver implements Observer {
  readonly #createLog = (attempt: Attempt): Log => this.log.child(() => logFields(attempt));

  constructor(readonly log: Logger) {}

  begin(attempt: Attempt): void {
    const { batch } = attempt;
    if (batch) return this.#beginInBatch(attempt, batch);
    // From the root, not the active context: the parent of a delivery is its publisher's span.
    const parent = readParent(attempt.delivery.headers), startedAtMs = attempt.nowMs;
    const span = startAttemptSpan(attempt, parent, epochMs(startedAtMs));
    attempt.startedAtMs = attempt.handlerFromMs = startedAtMs; // Hot path: the clock is read once, see bench
    attempt.span = span;
    attempt.otelContext = contextWith(span, parent, attempt.functionName);
    attempt.createLog = this.#createLog;
  }

  end(attempt: Attempt, outcome: Outcome, settlement: Settlement): void {
    const { span, otelContext, batch } = attempt;
    try {
      if (!batch) endAttemptSpan(span, attempt, outcome, this.log.options.redact ?? same);
      if (!settlement.ok) {
        span.addEvent("weir.not_settled", { "error.message": errorDetail(settlement.error).message });
        logUnsettled(outcome, settlement.error, this.#createLog(attempt));
      } else if (outcome.kind !== "ack" || isNotable(outcome.skipped) || this.log.enabled("debug")) {
        logOutcome(outcome, this.#createLog(attempt));
      }
    } finally {
      attempt.endedAtMs = attempt.nowMs;
      if (batch) this.#endInBatch(attempt, batch, outcome);
      else {
        span.end(epochMs(attempt.endedAtMs));
        if (otelContext instanceof SpanScope) otelContext.leave();
      }
    }
  }

  /** An attempt in a batch has the span of the batch. Its timeout counts from the start of the run, in `batch_run.ts`. */
  #beginInBatch(attempt: Attempt, batch: Batch): void {
    attempt.startedAtMs = attempt.nowMs;
    if (!batch.hasBegun) beginBatchSpan(batch, epochMs(attempt.startedAtMs));
    attempt.span = batch.span;
    attempt.otelContext = batch.otelContext;
    attempt.createLog = this.#createLog;
  }

  #endInBatch(attempt: Attempt, batch: Batch, outcome: Outcome): void {
    const isLast = recordInBatch(batch, attempt, outcome, this.log.options.redact ?? same);
    if (isLast) endBatchSpan(batch, epochMs(attempt.endedAtMs));
  }

  breakerChanged(change: BreakerChange): void {
    const { of, name, from, to, openForMs, span, elsewhere } = change;
    const fields = { ...spanFields(span), [of]: name, from, to };
    addBreakerEvent(change);
    const where = elsewhere ? " in another process" : "";
    if (to !== "open") return this.log.info(`breaker of ${of} ${name} is ${to}${where}`, fields);
    const effect = of === "function"
      ? "no events are pulled"
      : "no calls are made, and functions that need it pull no events";
    const lasts = `${elsewhere ? "up to " : ""}${formatDuration(openForMs)}`;
    this.log.warn(`breaker of ${of} ${name} opened${where}: for ${lasts} ${effect}`, fields);
  }
}

function same(text: string): string {
  return text;
}

function spanFields(span: Span) {
  const context = span.spanContext();
  return isSpanContextValid(context) ? { trace_id: context.traceId, span_id: context.spanId } : {};
}

function logFields(attempt: Attempt) {
  const { functionName, event, number, span, failedOption, delivery: { history: { replay } } } = attempt;
  const { traceId, spanId } = span.spanContext();
  const handled = attempt instanceof BatchRun
    ? { events: attempt.attempts.length }
    : { event_id: event.id, event_type: event.type };
  return {
    function: functionName,
    ...handled,
    attempt: number,
    trace_id: traceId,
    span_id: spanId,
    ...(failedOption !== undefined && { failed_option: failedOption }),
    ...(replay !== undefined && { replay }),
  };
}

function logUnsettled(outcome: Outcome, error: unknown, log: Log): void {
  const decided = "error" in outcome && outcome.error ? { decided_for: errorText(outcome.error) } : {};
  log.error("not settled: JetStream will deliver it again", { outcome: outcome.kind, ...decided, error });
}

function logOutcome(outcome: Outcome, log: Log): void {
  if (outcome.kind === "ack") {
    const { skipped } = outcome;
    if (skipped === undefined) return log.debug("handled", { outcome: "ack" });
    if (skipped === "published") return log.debug("published a delayed event", { outcome: "ack" });
    const line = `not run: ${WHY_SKIPPED[skipped]}`, fields = { outcome: "ack", skipped };
    return isNotable(skipped) ? log.info(line, fields) : log.debug(line, fields);
  }
  if (outcome.kind === "lease-expired") {
    return log.info("not run: its lease expired, and another replica may have it", { outcome: "lease-expired" });
  }
  const { error } = outcome;
  const fields = {
    ...(error && { error: errorText(error), at: thrownAt(error.stack) }),
    outcome: outcome.kind,
    reason: outcome.reason,
  };
  if (outcome.kind === "dead-letter") {
    const level = outcome.reason === "parked" ? "warn" : "error"; // the event before it is the error
    return log[level](`dead letter: ${outcome.reason}`, { ...fields, attempts: outcome.attempts });
  }
  const { delayMs } = outcome, next = `again in ${readableDuration(delayMs)}`;
  const retry = { ...fields, next_attempt_in_ms: delayMs };
  if (outcome.usesAttempt) return log.warn(`attempt ${WHY[outcome.reason]}: ${next}`, retry);
  const line = `deferred, ${WHY[outcome.reason]}: ${next}, no attempt used up`;
  if (outcome.reason === "key-limited") log.debug(line, retry); // a backlog of one key may be skipped over as a whole
  else if (outcome.reason === "emit-failed" || outcome.reason === "state-unavailable") log.warn(line, retry);
  else log.info(line, retry);
}

type Skipped = NonNullable<(Outcome & { kind: "ack" })["skipped"]>;

const WHY_SKIPPED: Readonly<Record<Skipped, string>> = {
  "handled-before": "it was handled before",
  "delayed": "its delayed retry will run",
  "published": "it is a delayed event, which is published now",
  "filtered": "the function's `where` returned false",
  "debounced": "it waits until its key is quiet",
};

/** Returns whether a skipped event is worth a line. A filter and a debounce may skip nearly every event. */
function isNotable(skipped: Skipped | undefined): boolean {
  return skipped === "handled-before" || skipped === "delayed";
}

const WHY: Readonly<Record<RetryReason, string>> = {
  "failed": "failed",
  "timed-out": "timed out",
  "retry-after": "asked for more time",
  "emit-failed": "its emitted events could not be stored",
  "breaker-open": "the function's breaker is open",
  "dependency-open": "a dependency is down",
  "state-unavailable": "its stored state cannot be read or written",
  "resource-unavailable": "a resource that it needs cannot be used",
  "unknown-subject": "the function does not listen to its subject",
  "newer-version": "its schema is of a later version than this process has",
  "claim-held": "another delivery handles it",
  "prefetched": "it was pulled ahead and could not begin soon",
  "rate-limited": "its rate is used up",
  "key-limited": "its key has its share of the concurrency",
  "waits-for-key": "an earlier event of its key comes first",
  "blocks-key": "failed, and the later events of its key wait",
  "shutdown": "the runtime is shutting down",
};

/**
 * Returns the first position of a stack that is in the author's own code. The message above the frames is not searched,
 * since it may quote an event.
 */
export function thrownAt(stack = ""): string | undefined {
  for (const line of stack.split("\n")) {
    const [, url] = line.length <= MAX_FRAME && FRAME.exec(line) || [];
    if (url && !isOwnModule(url) && !PACKAGE.test(url)) return url.split("/").slice(-2).join("/");
  }
}

/** Greatest length of a stack frame, in characters: the longest path, and a name. */
const MAX_FRAME = 5_000;
/** A stack frame, and its `file:` URL with line and column. */
const FRAME = /^ +at (?:.* \(|async )?(file:\/\/[^\s)]+:\d+:\d+)\)?$/;

/** A module of an npm package: in a `node_modules`, or in Deno's cache as `npm/HOST/NAME/VERSION/`. */
const PACKAGE = /\/node_modules\/|\/npm\/[^/]+\/(@[^/]+\/)?[^/]+\/\d+\.\d+\.\d+[^/]*\//;
