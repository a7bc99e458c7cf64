import type { ErrorDetail, Outcome } from "../nouns/outcome.ts";
import { formatDuration } from "../rules/duration.ts";
import { thrownAt } from "../telemetry/observer.ts";

/** An outcome in a line, and its error with the first place of the author's own below it. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "ack":
      return outcome.skipped ? `acked without a run: ${outcome.skipped}` : "acked";
    case "lost":
      return "lost: it may be with another replica";
    case "retry": {
      const { reason, delayMs, usesAttempt, error } = outcome;
      const used = usesAttempt ? "" : ", no attempt used up";
      return `to be retried (${reason}) in ${formatDuration(delayMs)}${used}${describeError(error)}`;
    }
    case "dead-letter":
      return `a dead letter (${outcome.reason}) after ${outcome.attempts} attempts${describeError(outcome.error)}`;
  }
}

function describeError(error: ErrorDetail | undefined): string {
  if (!error) return "";
  const place = thrownAt(error.stack);
  return `\n  ${error.name}: ${error.message}${place ? `\n    at ${place}` : ""}`;
}
