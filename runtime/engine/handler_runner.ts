import { context as otel } from "@opentelemetry/api";
import { NonRetryableError, RetryAfterError } from "../api/errors.ts";
import { formatDuration } from "../core/duration.ts";
import { errorDetail, isA, read } from "../core/error_detail.ts";
import type { Result } from "../core/outcome.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Attempt } from "./attempt.ts";
import type { Clock } from "./clock.ts";
import { type DependencyFailure, dependencyFailure } from "./dependency_breakers.ts";
import { AttemptContext, type HandlerResources } from "./handler_context.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import { isServiceUnavailable, ResourceUnavailableError } from "./service_calls.ts";
import { type RunningHandler, RunningHandlers } from "./running_handlers.ts";

/** Runs around a handler, and calls `next` to run it. Its result is the handler's result. */
export type HandlerMiddleware = (attempt: Attempt, next: (attempt: Attempt) => unknown) => unknown;

/** How the handler of a function is run. */
export interface HandlerRunner {
  /** Resolves to the attempt's result. Never rejects. */
  run(attempt: Attempt): MaybePromise<Result>;
  /** Aborts every running handler. Their attempts, and all later attempts, end as `shutdown`. */
  abortAll(): void;
}

const RETURNED: Result = { kind: "returned" };

/** Runs the handler in this process, within the attempt's span and timeout. */
export class InProcessRunner implements HandlerRunner {
  readonly #handler: (attempt: Attempt) => unknown;
  readonly #running: RunningHandlers<Run>;
  #isAborted = false;

  /** @param middleware Runs around the handler, the first outermost. Hot path: composed once, no closure an event. */
  constructor(
    readonly fn: ResolvedFunction,
    readonly clock: Clock,
    readonly resources: HandlerResources,
    middleware: readonly HandlerMiddleware[] = [],
  ) {
    // One timer serves every attempt, so it may fire in another attempt's context.
    this.#running = new RunningHandlers(fn.policy.timeoutMs, clock, (run) => {
      otel.with(run.attempt.otelContext, () => this.#expire(run));
    });
    this.#handler = middleware.reduceRight<(attempt: Attempt) => unknown>(
      (next, around) => (attempt) => around(attempt, next),
      (attempt) => fn.handler(attempt.event, attempt.handlerContext!),
    );
  }

  /**
   * Runs the handler until it ends, times out or is aborted, whichever comes first. Sets the attempt's `emitted` when
   * the handler returned. Never rejects. A handler that ignores its signal is left behind, without effect on the event.
   */
  run(attempt: Attempt): MaybePromise<Result> {
    if (this.#isAborted) return { kind: "shutdown" };
    const context = new AttemptContext(attempt, this.resources);
    const startedMs = attempt.handlerFromMs ?? this.clock.now();
    attempt.handlerContext = context;
    let returned: unknown, isAsync: boolean;
    try {
      returned = otel.with(attempt.otelContext, this.#handler, undefined, attempt);
      isAsync = isPromise(returned);
    } catch (thrown) {
      context.end(false);
      return resultOfThrown(thrown);
    }
    if (isAsync) return new Promise((resolve) => this.#wait(returned, new Run(attempt, context, startedMs, resolve)));
    context.end(false);
    takeEffects(attempt, context);
    return RETURNED;
  }

  /** Waits for an asynchronous handler. A synchronous one needs no timeout: it cannot be interrupted. */
  #wait(returned: unknown, run: Run): void {
    this.#running.add(run);
    // Resolved as `await` would: a thenable may throw, or resolve to a promise that rejects.
    const fail = (thrown: unknown) => this.#end(run, blameService(resultOfThrown(thrown), run.context.unanswered));
    try {
      Promise.resolve(returned).then(() => this.#end(run, RETURNED), fail);
    } catch (thrown) {
      fail(thrown); // a promise whose `constructor` or own `then` throws
    }
  }

  /** Ends a run. The first end counts: a handler may return after it was aborted, and a `then` may call back twice. */
  #end(run: Run, result: Result): void {
    if (!this.#running.delete(run)) return;
    const { attempt, context } = run, failure = context.end(result.kind === "timed-out");
    if (result.kind === "returned") takeEffects(attempt, context);
    run.resolve(result.kind === "timed-out" ? blameDependency(result, failure) : result);
  }

  #expire(run: Run): void {
    const { name, policy } = this.fn, { unanswered } = run.context;
    const message = `${name} took longer than its timeout of ${formatDuration(policy.timeoutMs)}`;
    const error = new DOMException(message + unansweredText(unanswered), "TimeoutError");
    run.context.abort(error);
    this.#end(run, { kind: unanswered === undefined ? "timed-out" : "unavailable", error: errorDetail(error) });
  }

  abortAll(): void {
    this.#isAborted = true;
    for (const run of this.#running.list()) {
      run.context.abort(new DOMException("the runtime is shutting down", "AbortError"));
      this.#end(run, { kind: "shutdown" });
    }
    this.#running.stopTimer();
  }
}

/** A handler that returned a promise. */
class Run implements RunningHandler {
  slot = -1;

  constructor(
    readonly attempt: Attempt,
    readonly context: AttemptContext,
    readonly startedMs: number,
    readonly resolve: (result: Result) => void,
  ) {}
}

/** Copies the emitted events and cancelled keys of a handler that returned into its attempt. */
export function takeEffects(attempt: Attempt, { emitted, cancelled }: AttemptContext): void {
  attempt.emitted = emitted;
  attempt.cancelledKeys = cancelled;
}

/** @throws Any error of a getter `then`. */
function isPromise(value: unknown): boolean {
  return value instanceof Promise || typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

/**
 * Returns whether a thrown error's time is usable. Authors may subclass `RetryAfterError`, and set its times to
 * anything.
 */
function isTime(ms: unknown): ms is number {
  return Number.isFinite(ms) && (ms as number) >= 0;
}

/** Classifies what a handler threw, which may be any value. Never throws. */
export function resultOfThrown(thrown: unknown): Result {
  const error = errorDetail(thrown);
  if (isA(thrown, NonRetryableError)) return { kind: "rejected", error };
  if (isA(thrown, RetryAfterError)) {
    const [delayMs, atMs] = [read(thrown, "delayMs"), read(thrown, "atMs")].map((ms) => isTime(ms) ? ms : undefined);
    return {
      kind: "retry-after",
      ...(delayMs !== undefined && { delayMs }),
      ...(atMs !== undefined && { atMs }),
      error,
    };
  }
  if (isA(thrown, ResourceUnavailableError)) return { kind: "resource-unavailable", error };
  if (isServiceUnavailable(thrown)) return { kind: "unavailable", error };
  return blameDependency({ kind: "failed", error }, dependencyFailure(thrown));
}

/**
 * Attributes a failure to a service that did not answer. The handler may have ended its wait by a deadline of its own.
 */
function blameService(result: Result, unanswered: string | undefined): Result {
  if (unanswered === undefined || result.kind !== "failed" || result.dependency !== undefined) return result;
  const { error } = result;
  return { kind: "unavailable", error: { ...error, message: error.message + unansweredText(unanswered) } };
}

function unansweredText(unanswered: string | undefined): string {
  return unanswered === undefined ? "" : `, and ${unanswered} does not answer`;
}

/** Attributes a failure to the dependency that caused it. While the dependency is down, the event is not at fault. */
function blameDependency(
  result: Result & { kind: "failed" | "timed-out" },
  failure: DependencyFailure | undefined,
): Result {
  if (!failure) return result;
  const { dependency } = failure, { error } = result;
  if (!failure.open) return { ...result, dependency };
  const { retryAtMs, probeFailed } = failure;
  return { kind: "dependency-open", dependency, retryAtMs, probeFailed, error };
}
