import { context, type Span } from "@opentelemetry/api";
import type { Log } from "../api/context.ts";
import type { MaybePromise } from "../engine/maybe_promise.ts";
import type { BreakerChange, Invocation, Observer, Scope } from "../engine/ports.ts";
import type { Outcome, RetryReason } from "../core/outcome.ts";
import { formatDuration } from "../core/duration.ts";
import { isOwnModule } from "../core/own_modules.ts";
import { breakerEvent, endAttemptSpan, startAttemptSpan } from "./attempt_span.ts";
import type { Logger } from "./otel/logs/logger.ts";
import { readParent } from "./otel/propagation/trace_headers.ts";
import { contextWith, type SpanScope } from "./otel/spans/span_scope.ts";

/** Turns invocations into spans and log lines. Both are projections of the outcome: they cannot change it. */
export class TelemetryObserver implements Observer {
  constructor(readonly log: Logger) {}

  /** @param beganMs Start of the attempt in milliseconds since 1970, with fractions. Default: the time of the call. */
  observe<O extends Outcome>(
    invocation: Invocation,
    run: (scope: Scope) => MaybePromise<O>,
    beganMs?: number,
  ): MaybePromise<O> {
    // From the root, not the active context: a delivery's parent is its publisher's span, not that of the code that ran last.
    const parent = readParent(invocation.delivery.headers);
    const span = startAttemptSpan(invocation, parent, beganMs);
    const active = contextWith(span, parent), scope = new AttemptScope(this.log, invocation, span, active);
    return context.with(active, this.#watch<O>, this, invocation, scope, run);
  }

  #watch<O extends Outcome>(
    invocation: Invocation,
    scope: AttemptScope,
    run: (scope: Scope) => MaybePromise<O>,
  ): MaybePromise<O> {
    let outcome: MaybePromise<O>;
    try {
      outcome = run(scope);
    } catch (error) {
      scope.end();
      throw error;
    }
    if (!(outcome instanceof Promise)) return this.#ended(invocation, scope, outcome);
    return outcome.then((outcome) => this.#ended(invocation, scope, outcome), (error) => {
      scope.end();
      throw error;
    });
  }

  #ended<O extends Outcome>(invocation: Invocation, scope: AttemptScope, outcome: O): O {
    try {
      endAttemptSpan(scope.span, invocation, outcome, this.log.options.redact ?? same);
      if (outcome.kind !== "ack" || outcome.skipped || this.log.enabled("debug")) report(outcome, scope.log);
      return outcome;
    } finally {
      scope.end();
    }
  }

  breakerChanged(change: BreakerChange): void {
    const { of, name, from, to, openForMs } = change;
    const fields = { [of]: name, from, to };
    breakerEvent(change);
    if (to !== "open") return this.log.info(`breaker of ${of} ${name} is ${to}`, fields);
    const held = of === "function" ? "no events are pulled" : "no calls are made, and who needs it pulls no events";
    this.log.warn(`breaker of ${of} ${name} opened: for ${formatDuration(openForMs)} ${held}`, fields);
  }
}

/** Its logger is made for a handler that logs. */
class AttemptScope implements Scope {
  #log: Log | undefined;

  constructor(
    readonly logger: Logger,
    readonly invocation: Invocation,
    readonly span: Span,
    readonly active: SpanScope,
  ) {}

  end(): void {
    this.span.end();
    this.active.leave();
  }

  get log(): Log {
    return this.#log ??= this.logger.child(() => logFields(this.invocation, this.span));
  }
}

function same(text: string): string {
  return text;
}

function logFields({ functionName, event, attempt }: Invocation, span: Span) {
  const { traceId, spanId } = span.spanContext();
  return {
    function: functionName,
    event_id: event.id,
    event_type: event.type,
    attempt,
    trace_id: traceId,
    span_id: spanId,
  };
}

function report(outcome: Outcome, log: Scope["log"]): void {
  if (outcome.kind === "ack") {
    const { skipped } = outcome;
    if (skipped === undefined) return log.debug("handled", { outcome: "ack" });
    const why = skipped === "delayed" ? "a delayed retry of it is stored" : "it was handled before";
    return log.info(`not run: ${why}`, { outcome: "ack", skipped });
  }
  if (outcome.kind === "lease-expired") {
    return log.info("not attempted: it may be with another replica by now", { outcome: "lease-expired" });
  }
  const { error } = outcome;
  const fields = {
    ...(error && { error: `${error.name}: ${error.message}`, at: thrownAt(error.stack) }),
    outcome: outcome.kind,
    reason: outcome.reason,
  };
  if (outcome.kind === "dead-letter") {
    return log.error(`dead letter: ${outcome.reason}`, { ...fields, attempts: outcome.attempts });
  }
  const { delayMs } = outcome, again = `again in ${roughly(delayMs)}`;
  const retry = { ...fields, next_attempt_in_ms: delayMs };
  if (outcome.usesAttempt) return log.warn(`attempt ${WHY[outcome.reason]}: ${again}`, retry);
  const line = `put off, ${WHY[outcome.reason]}: ${again}, no attempt used up`;
  if (outcome.reason === "emit-failed" || outcome.reason === "state-unavailable") log.warn(line, retry);
  else log.info(line, retry);
}

/** Why a delivery comes again, in a line of the log. */
const WHY: Readonly<Record<RetryReason, string>> = {
  "failed": "failed",
  "timed-out": "timed out",
  "retry-after": "asked for more time",
  "emit-failed": "what it emitted could not be stored",
  "breaker-open": "the function's breaker is open",
  "dependency-open": "a dependency is down",
  "state-unavailable": "what is known of it cannot be read",
  "unknown-subject": "the function does not listen to its subject",
  "claim-held": "another delivery handles it",
  "shutdown": "the runtime is shutting down",
};

/** The first place in a stack that is the author's own: what to look at first. */
export function thrownAt(stack: string | undefined): string | undefined {
  for (const [, url, place] of (stack ?? "").matchAll(/(file:\/\/[^\s)]*?([^/\s)]+\/[^/\s)]+:\d+:\d+))/g)) {
    if (!isOwnModule(url) && !PACKAGE.test(url)) return place;
  }
}

/** A module of an npm package: in a `node_modules`, or in Deno's cache as `npm/HOST/NAME/VERSION/`. */
const PACKAGE = /\/node_modules\/|\/npm\/[^/]+\/(@[^/]+\/)?[^/]+\/\d+\.\d+\.\d+[^/]*\//;

function roughly(ms: number): string {
  return String(formatDuration(ms < 10_000 ? ms : Math.round(ms / 1_000) * 1_000));
}
