import { batchVerdicts, endsBatch, mayBeOfOneEvent, resultOfMany } from "../core/batch.ts";
import { breakerVerdict } from "../core/decide_outcome.ts";
import { Halving } from "../core/halving.ts";
import type { Result } from "../core/outcome.ts";
import type { ResolvedFunction } from "../project/resolve_function.ts";
import type { Attempt } from "./attempt.ts";
import { Batch, type Member } from "./batch.ts";
import { BatchCollector } from "./batch_collector.ts";
import { BatchRun } from "./batch_run.ts";
import type { Clock } from "./clock.ts";
import type { HandlerResources } from "./handler_context.ts";
import { type HandlerMiddleware, type HandlerRunner, InProcessRunner, resultOfThrown } from "./handler_runner.ts";

const RETURNED: Result = { kind: "returned" };

/**
 * Runs the handler once for a batch of attempts, and resolves each attempt's own result. If a batch fails, the runner
 * runs it again in halves, one after the other, until each event at fault is alone. The function's timeout bounds all
 * runs together. A timeout ends the batch for all its events, and so does a failure that no event can have caused, such
 * as a dependency that is down.
 */
export class BatchRunner implements HandlerRunner {
  readonly collector: BatchCollector;
  readonly #handler: InProcessRunner;
  /**
   * True if the function is known to work: an event has succeeded. A batch of first attempts that fails as a whole makes
   * it false.
   */
  #works = false;

  constructor(
    readonly fn: ResolvedFunction,
    readonly clock: Clock,
    readonly resources: HandlerResources,
    middleware: readonly HandlerMiddleware[] = [],
    isAwaited?: (attempt: Attempt) => boolean,
  ) {
    const { batch, concurrency } = fn.policy;
    this.#handler = new InProcessRunner(fn, clock, resources, [...middleware, callWithBatch(fn)]);
    this.collector = new BatchCollector(batch!, concurrency, clock, (attempts) => {
      const created = new Batch(attempts, (members) => void this.#runAll(created, members));
    }, fn.policy.order && isAwaited);
  }

  /** Resolves once the attempt's batch has run. */
  run(attempt: Attempt): Promise<Result> {
    return attempt.batch!.join(attempt);
  }

  abortAll(): void {
    this.#handler.abortAll();
  }

  async #runAll(batch: Batch, members: readonly Member[]): Promise<void> {
    try {
      if (members.length > 0) await this.#runInHalves(batch, members);
    } catch (error) {
      for (const { resolve } of members) resolve(resultOfThrown(error)); // a defect: nothing may wait for ever
    }
    this.collector.ended();
  }

  /**
   * Runs a batch and, if it fails, its halves. Successes are resolved at once. Failures are resolved at the end, since
   * the breaker counts the whole batch once.
   */
  async #runInHalves(batch: Batch, members: readonly Member[]): Promise<void> {
    const halving = new Halving<Member, Result>(members), failed: [Member, Result][] = [];
    const startedMs = this.clock.now();
    let hasSucceeded = false, ended: Result | undefined;
    for (let part = halving.next(); part; part = halving.next()) {
      const run = new BatchRun(part.map(({ attempt }) => attempt), batch, this.resources, startedMs);
      batch.runs++;
      const last = await this.#handler.run(run);
      run.end(last.kind === "returned");
      if (last.kind === "returned") {
        halving.succeeded();
        for (const member of part) {
          const failure = run.failures.get(member.attempt.event);
          if (failure) failed.push([member, failure]);
          else member.resolve(RETURNED);
          hasSucceeded ||= !failure;
        }
      } else if (part.length > 1 && mayBeOfOneEvent(last)) {
        halving.failed(part, last);
        if (this.fn.policy.rate) break; // each run takes starts: the events are retried in smaller batches
      } else {
        if (endsBatch(last, part.length)) ended = last;
        else halving.failed(part, last);
        for (const member of part) failed.push([member, last]);
      }
      if (ended || this.clock.now() - startedMs >= this.fn.policy.timeoutMs) break;
    }
    for (const [member, failure] of halving.rest()) failed.push([member, ended ?? resultOfMany(failure)]);
    this.#resolveFailed(failed, hasSucceeded);
  }

  /**
   * Resolves the failures of a batch, and reports them to the breaker as one. Retries that fail while first attempts
   * succeed do not count for the breaker: their events are at fault, not the function. A probe of a half-open breaker
   * reports its own result.
   */
  #resolveFailed(failed: readonly [Member, Result][], hasSucceeded: boolean): void {
    const verdicts = failed.map(([, result]) => breakerVerdict(result));
    const isRetry = failed.some(([{ attempt }]) => attempt.number > 1);
    if (hasSucceeded || verdicts.includes("success")) this.#works = true;
    else if (!isRetry && verdicts.includes("failure")) this.#works = false;
    const reported = batchVerdicts(verdicts, this.#works);
    failed.forEach(([{ attempt, resolve }, result], at) => {
      if (!attempt.permit?.probe) attempt.permit?.report(reported[at]);
      resolve(result);
    });
  }
}

/** Calls the handler with the events of a {@linkcode BatchRun}, in place of the call with one event. */
function callWithBatch({ handler }: ResolvedFunction): HandlerMiddleware {
  const call = handler as unknown as (events: readonly unknown[], ctx: unknown) => unknown;
  return (attempt) => {
    const run = attempt as BatchRun;
    return call(run.events, run.contextFor(run.handlerContext!));
  };
}
