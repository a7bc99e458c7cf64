import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import type { DeadLetterReason } from "../../core/dead_letter.ts";
import { formatDuration } from "../../core/duration.ts";
import { type ErrorDetail, errorText, type Outcome, type RetryReason } from "../../core/outcome.ts";
import { thrownAt } from "../../telemetry/observer.ts";

/** An outcome, or a value that has one: the result of `invoke`, or an entry of a test runtime's `settled`. */
export type HasOutcome = Outcome | { readonly outcome: Outcome };

/**
 * Asserts that the event was acked.
 *
 * @throws {AssertionError} with the outcome, and with the handler's error and the line that threw it.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertAcked, invoke } from "weir/testing";
 *
 * assertAcked(await invoke(defineFunction({ on: "demo.asked" }, () => {}), {}));
 * ```
 */
export function assertAcked(given: HasOutcome): void {
  const outcome = outcomeOf(given, assertAcked);
  if (outcome.kind !== "ack") fail("acked", outcome, assertAcked);
}

/**
 * Asserts that the event is to be retried. The reason, the delay and the use of an attempt are compared if given.
 *
 * @throws {AssertionError} with the outcome.
 *
 * @example
 * ```ts
 * import { defineFunction, RetryAfterError } from "weir";
 * import { assertRetried, invoke } from "weir/testing";
 *
 * const busy = defineFunction({ on: "demo.asked" }, () => {
 *   throw new RetryAfterError("30s");
 * });
 * assertRetried(await invoke(busy, {}), { reason: "retry-after", delayMs: 30_000 });
 * ```
 */
export function assertRetried(
  given: HasOutcome,
  expected: { readonly reason?: RetryReason; readonly delayMs?: number; readonly usesAttempt?: boolean } = {},
): void {
  const outcome = outcomeOf(given, assertRetried);
  if (outcome.kind !== "retry" || !matches(outcome, expected)) {
    fail(`retried${describeExpected(expected)}`, outcome, assertRetried);
  }
}

/**
 * Asserts that the event became a dead letter. The reason is compared if given.
 *
 * @throws {AssertionError} with the outcome.
 *
 * @example
 * ```ts
 * import { defineFunction, NonRetryableError } from "weir";
 * import { assertDeadLettered, invoke } from "weir/testing";
 *
 * const refuses = defineFunction({ on: "demo.asked" }, () => {
 *   throw new NonRetryableError("never");
 * });
 * assertDeadLettered(await invoke(refuses, {}), { reason: "rejected" });
 * ```
 */
export function assertDeadLettered(given: HasOutcome, expected: { readonly reason?: DeadLetterReason } = {}): void {
  const outcome = outcomeOf(given, assertDeadLettered);
  if (outcome.kind !== "dead-letter" || !matches(outcome, expected)) {
    fail(`a dead letter${describeExpected(expected)}`, outcome, assertDeadLettered);
  }
}

// deno-lint-ignore ban-types -- the type that node:assert declares
function outcomeOf(given: HasOutcome | undefined, stackStartFn: Function): Outcome {
  const outcome = given && "outcome" in given ? given.outcome : given;
  if (outcome?.kind) return outcome;
  failGiven(given, stackStartFn);
}

function matches(outcome: object, expected: object): boolean {
  return Object.entries(expected).every(([key, value]) =>
    value === undefined || (outcome as Record<string, unknown>)[key] === value
  );
}

function describeExpected(expected: object): string {
  const given = Object.entries(expected).filter(([, value]) => value !== undefined);
  return given.length === 0 ? "" : ` with ${given.map(([key, value]) => `${key} ${inspect(value)}`).join(", ")}`;
}

// deno-lint-ignore ban-types -- the type that node:assert declares
function fail(expected: string, outcome: Outcome, stackStartFn: Function): never {
  throw new AssertionError({
    message: `expected the event to be ${expected}, but it was ${describeOutcome(outcome)}`,
    actual: outcome,
    operator: stackStartFn.name,
    stackStartFn,
  });
}

/** Describes an outcome in one line. The error follows, with the line of the author's code that threw it. */
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
  return `\n  ${errorText(error)}${line ? `\n    at ${line}` : ""}`;
}
