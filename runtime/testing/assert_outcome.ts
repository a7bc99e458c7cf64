import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import type { DeadLetterReason, Outcome, RetryReason } from "../core/outcome.ts";
import { describeOutcome, failGiven } from "./describe_outcome.ts";

/**
 * An outcome, or what has one: what `invoke` returns, or an entry of what a test runtime has settled.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertRetried, invoke, type HasOutcome } from "weir/testing";
 *
 * const assertFailed = (judged: HasOutcome) => assertRetried(judged, { reason: "failed", usesAttempt: true });
 *
 * const fails = defineFunction({ on: "demo.asked" }, () => {
 *   throw new Error("not now");
 * });
 * assertFailed(await invoke(fails, {}));
 * ```
 */
export type HasOutcome = Outcome | { readonly outcome: Outcome };

/**
 * The event was handled.
 *
 * @throws {AssertionError} saying what became of it instead, with its error and where that was thrown.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertAcked, invoke } from "weir/testing";
 *
 * assertAcked(await invoke(defineFunction({ on: "demo.asked" }, () => {}), {}));
 * ```
 */
export function assertAcked(judged: HasOutcome): void {
  const outcome = outcomeOf(judged, assertAcked);
  if (outcome.kind !== "ack") fail("acked", outcome, assertAcked);
}

/**
 * The event comes again: for that reason and after so long, where those are given.
 *
 * @throws {AssertionError} saying what became of it instead.
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
  judged: HasOutcome,
  expected: { readonly reason?: RetryReason; readonly delayMs?: number; readonly usesAttempt?: boolean } = {},
): void {
  const outcome = outcomeOf(judged, assertRetried);
  if (outcome.kind !== "retry" || !matches(outcome, expected)) {
    fail(`retried${withWhat(expected)}`, outcome, assertRetried);
  }
}

/**
 * The event ended in the dead letters: for that reason, where it is given.
 *
 * @throws {AssertionError} saying what became of it instead.
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
export function assertDeadLettered(judged: HasOutcome, expected: { readonly reason?: DeadLetterReason } = {}): void {
  const outcome = outcomeOf(judged, assertDeadLettered);
  if (outcome.kind !== "dead-letter" || !matches(outcome, expected)) {
    fail(`a dead letter${withWhat(expected)}`, outcome, assertDeadLettered);
  }
}

// deno-lint-ignore ban-types -- as node:assert has it
function outcomeOf(judged: HasOutcome | undefined, stackStartFn: Function): Outcome {
  const outcome = judged && "outcome" in judged ? judged.outcome : judged;
  if (outcome?.kind) return outcome;
  failGiven(judged, stackStartFn);
}

function matches(outcome: object, expected: object): boolean {
  return Object.entries(expected).every(([key, value]) =>
    value === undefined || (outcome as Record<string, unknown>)[key] === value
  );
}

function withWhat(expected: object): string {
  const said = Object.entries(expected).filter(([, value]) => value !== undefined);
  return said.length === 0 ? "" : ` with ${said.map(([key, value]) => `${key} ${inspect(value)}`).join(", ")}`;
}

// deno-lint-ignore ban-types -- as node:assert has it
function fail(expected: string, outcome: Outcome, stackStartFn: Function): never {
  throw new AssertionError({
    message: `expected the event to be ${expected}, but it was ${describeOutcome(outcome)}`,
    actual: outcome,
    operator: stackStartFn.name,
    stackStartFn,
  });
}
