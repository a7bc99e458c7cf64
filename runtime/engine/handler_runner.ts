import { context as otel } from "@opentelemetry/api";
import { NonRetryableError, RetryAfterError } from "../api/errors.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { WeirEvent } from "../core/event.ts";
import { errorDetail, type Result } from "../core/outcome.ts";
import { formatDuration } from "../core/duration.ts";
import { TimeoutQueue } from "./timeout_queue.ts";
import { type DependencyFailure, dependencyFailure } from "./dependency_breakers.ts";
import type { MaybePromise } from "./maybe_promise.ts";
import type { InvocationContext } from "./handler_context.ts";
import type { Clock } from "./ports.ts";

const RETURNED: Result = { kind: "returned" };

/** Runs one function's handler: under its deadline, and able to be given up at shutdown. */
export class HandlerRunner {
  readonly #fn: ResolvedFunction;
  readonly #clock: Clock;
  readonly #deadlines: TimeoutQueue;
  readonly #running = new Set<() => void>();
  #givingBack = false;

  constructor(fn: ResolvedFunction, clock: Clock) {
    this.#fn = fn;
    this.#clock = clock;
    this.#deadlines = new TimeoutQueue(fn.policy.timeoutMs, clock);
  }

  /**
   * Runs the handler to its end, its deadline or the shutdown, whichever is first, and never rejects. A handler
   * that takes no notice of its signal is left behind: what it still does has no effect on the event.
   */
  run(event: WeirEvent, context: InvocationContext): MaybePromise<Result> {
    if (this.#givingBack) return { kind: "shutdown" };
    const fromMs = this.#clock.now();
    let returned: unknown, lasts: boolean;
    try {
      returned = this.#fn.handler(event, context);
      lasts = isPromise(returned);
    } catch (thrown) {
      context.end(false);
      return classify(thrown);
    }
    if (lasts) return this.#untilEnd(returned, context, fromMs);
    context.end(false);
    return RETURNED;
  }

  /** Only here time can pass: what returned at once had no deadline to miss. */
  #untilEnd(returned: unknown, context: InvocationContext, fromMs: number): Promise<Result> {
    return new Promise<Result>((resolve) => {
      const end = (result: Result) => {
        cancel();
        this.#running.delete(giveBack);
        const failure = context.end(result.kind === "timed-out");
        resolve(result.kind === "timed-out" ? blame(result, failure) : result);
      };
      const giveBack = () => {
        context.abort(new DOMException("the runtime is shutting down", "AbortError"));
        end({ kind: "shutdown" });
      };
      const expire = () => {
        const limit = formatDuration(this.#fn.policy.timeoutMs);
        const error = new DOMException(
          `${this.#fn.name} took longer than its timeout of ${limit}`,
          "TimeoutError",
        );
        context.abort(error);
        end({ kind: "timed-out", error: errorDetail(error) });
      };
      // The timer may be another invocation's: what a breaker does at the timeout belongs to this one's span.
      const own = otel.active();
      const cancel = this.#deadlines.set(() => otel.with(own, expire), fromMs);
      this.#running.add(giveBack);
      // As `await` takes it, since what only looks like a promise may throw, or have a promise that fails as its value.
      Promise.resolve(returned).then(() => end(RETURNED), (thrown) => end(classify(thrown)));
    });
  }

  /** Aborts every handler still running; their events end as `shutdown`, and so does any that comes later. */
  giveBackAll(): void {
    this.#givingBack = true;
    for (const giveBack of [...this.#running]) giveBack();
    this.#deadlines.clear();
  }
}

/** @throws whatever looking at it throws */
function isPromise(value: unknown): boolean {
  return value instanceof Promise || typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

/** What a thrown value says about the attempt. */
export function classify(thrown: unknown): Result {
  const error = errorDetail(thrown);
  if (thrown instanceof NonRetryableError) return { kind: "rejected", error };
  if (thrown instanceof RetryAfterError) return { kind: "retry-after", delayMs: thrown.delayMs, error };
  return blame({ kind: "failed", error }, dependencyFailure(thrown));
}

/** A failure in a call to a dependency is the dependency's, and while that is down not the event's at all. */
function blame(result: Result & { kind: "failed" | "timed-out" }, failure: DependencyFailure | undefined): Result {
  if (!failure) return result;
  const { dependency } = failure, { error } = result;
  if (!failure.open) return { ...result, dependency };
  const { retryAtMs, probeFailed } = failure;
  return { kind: "dependency-open", dependency, retryAtMs, probeFailed, error };
}
