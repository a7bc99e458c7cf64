import { context as otel } from "@opentelemetry/api";
import { decideOutcome, deferForState } from "../core/decide_outcome.ts";
import { errorDetail } from "../core/error_detail.ts";
import type { Outcome, Result } from "../core/outcome.ts";
import { describeValue } from "../project/option_schemas.ts";
import type { FunctionPolicy } from "../project/resolve_policy.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptStore } from "./attempt_store.ts";
import { resultOfThrown } from "./handler_runner.ts";
import type { MaybePromise } from "./maybe_promise.ts";

type Where = NonNullable<FunctionPolicy["where"]>;

const FILTERED: Outcome = { kind: "ack", skipped: "filtered" };

/**
 * Asks a function's `where` about an event. Returns undefined if the function handles the event. Otherwise returns the
 * outcome: an ack as `filtered`, or that of a failed attempt if `where` threw or returned no boolean.
 */
export function filterEvent(where: Where, attempt: Attempt, attempts: AttemptStore): MaybePromise<Outcome | undefined> {
  return attempt.storesStart ? filterRedelivery(where, attempt, attempts) : ask(where, attempt);
}

/**
 * Stores that the attempt begins, and then asks. Thus an event whose `where` keeps killing the process ends as
 * `crashed`.
 */
async function filterRedelivery(where: Where, attempt: Attempt, attempts: AttemptStore): Promise<Outcome | undefined> {
  const { fn, delivery, lease, countsAtStart } = attempt;
  attempt.handlerFromMs = undefined; // what is awaited here does not count towards the handler's timeout
  try {
    await attempts.write(fn.name, delivery, countsAtStart!);
  } catch (error) {
    return deferForState(attempt, error);
  }
  attempt.storesStart = false;
  return await lease.isValid() ? ask(where, attempt) : { kind: "lease-expired" };
}

function ask(where: Where, attempt: Attempt): Outcome | undefined {
  let result: Result;
  try {
    const answer: unknown = otel.with(attempt.otelContext, where, undefined, attempt.event);
    if (answer === true) return undefined;
    if (answer === false) return FILTERED;
    Promise.resolve(answer).catch(() => {}); // a promise that rejects would end the process
    const message = `\`where\` of ${attempt.functionName} must return true or false, not ${describeValue(answer)}`;
    result = { kind: "failed", error: errorDetail(new TypeError(message)) };
  } catch (thrown) {
    result = resultOfThrown(thrown);
  }
  attempt.failedOption = "where";
  return decideOutcome(result, attempt);
}
