import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import type { ErrorDetail, Outcome } from "../core/outcome.ts";
import { formatDuration } from "../core/duration.ts";
import { thrownAt } from "../telemetry/observer.ts";

/** An outcome in a line, and its error with the first place of the author's own below it. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "ack":
      return outcome.skipped ? `acked without a run: ${outcome.skipped}` : "acked";
    case "lease-expired":
      return "lease-expired: another replica may handle it";
    case "retry": {
      const { reason, delayMs, usesAttempt, error } = outcome;
      const used = usesAttempt ? "" : ", no attempt used up";
      return `to be retried (${reason}) in ${formatDuration(delayMs)}${used}${describeError(error)}`;
    }
    case "dead-letter":
      return `a dead letter (${outcome.reason}) after ${outcome.attempts} attempts${describeError(outcome.error)}`;
  }
}

/** Stops an assertion that was given something else than what came of an event: most often nothing, or a promise. */
// deno-lint-ignore ban-types -- as node:assert has it
export function failGiven(given: unknown, stackStartFn: Function): never {
  const what = given instanceof Promise ? "a promise: await it" : inspect(given, { depth: 1 });
  throw new AssertionError({
    message: `expected what \`invoke\` returns, or an entry of \`settled\`, but was given ${what}`,
    operator: stackStartFn.name,
    stackStartFn,
  });
}

function describeError(error: ErrorDetail | undefined): string {
  if (!error) return "";
  const place = thrownAt(error.stack);
  return `\n  ${error.name}: ${error.message}${place ? `\n    at ${place}` : ""}`;
}
