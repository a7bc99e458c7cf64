import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import type { ErrorDetail, Outcome } from "../../core/outcome.ts";
import { formatDuration } from "../../core/duration.ts";
import { thrownAt } from "../../telemetry/observer.ts";

/** Describes an outcome in one line. Its error follows, with the line of the author's code that threw it. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "ack":
      return outcome.skipped ? `acked without running the handler: ${outcome.skipped}` : "acked";
    case "lease-expired":
      return "lease-expired: another replica may handle it";
    case "retry": {
      const { reason, delayMs, usesAttempt, error } = outcome;
      const used = usesAttempt ? "" : ", using no attempt";
      return `to be retried (${reason}) in ${formatDuration(delayMs)}${used}${describeError(error)}`;
    }
    case "dead-letter":
      return `a dead letter (${outcome.reason}) after ${outcome.attempts} attempts${describeError(outcome.error)}`;
  }
}

/** Fails an assertion whose argument has no outcome: usually `undefined`, or a promise that was not awaited. */
// deno-lint-ignore ban-types -- the type that node:assert declares
export function failGiven(given: unknown, stackStartFn: Function): never {
  const argument = given instanceof Promise ? "a promise: await it" : inspect(given, { depth: 1 });
  throw new AssertionError({
    message: `expected the result of \`invoke\`, or an entry of \`settled\`, but got ${argument}`,
    operator: stackStartFn.name,
    stackStartFn,
  });
}

function describeError(error: ErrorDetail | undefined): string {
  if (!error) return "";
  const line = thrownAt(error.stack);
  return `\n  ${error.name}: ${error.message}${line ? `\n    at ${line}` : ""}`;
}
