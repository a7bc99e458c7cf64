/**
 * What an error said, in a form that can be logged, put in a header and compared in a test.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { type ErrorDetail, invoke } from "weir/testing";
 *
 * const said = (error?: ErrorDetail) => `${error?.name}: ${error?.message}`;
 *
 * const fails = defineFunction({ on: "demo.asked" }, () => {
 *   throw new RangeError("too far");
 * });
 * const { outcome } = await invoke(fails, {});
 * assert.equal(outcome.kind === "retry" && said(outcome.error), "RangeError: too far");
 * ```
 */
export interface ErrorDetail {
  /** The error's class. */
  readonly name: string;
  /** What it said. */
  readonly message: string;
  /** Where it was thrown. */
  readonly stack?: string;
}

/**
 * Why a delivery will come again.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertRetried, invoke, type RetryReason } from "weir/testing";
 *
 * const reason: RetryReason = "breaker-open";
 * const rests = defineFunction({ on: "demo.asked" }, () => {});
 * assertRetried(await invoke(rests, {}, { breaker: "open" }), { reason, usesAttempt: false });
 * ```
 */
export type RetryReason =
  | "failed"
  | "timed-out"
  | "retry-after"
  | "emit-failed"
  | "breaker-open"
  | "dependency-open"
  | "state-unavailable"
  | "not-mine"
  | "in-progress"
  | "shutdown";

/**
 * Why an event ended in the dead letters.
 *
 * @example
 * ```ts
 * import { defineFunction } from "weir";
 * import { assertDeadLettered, type DeadLetterReason, invoke } from "weir/testing";
 *
 * const reason: DeadLetterReason = "attempts-exhausted";
 * const fails = defineFunction({ on: "demo.asked", retry: { attempts: 2 } }, () => {
 *   throw new Error("not now");
 * });
 * assertDeadLettered(await invoke(fails, {}, { attempt: 2 }), { reason });
 * ```
 */
export type DeadLetterReason = "attempts-exhausted" | "rejected" | "invalid" | "expired" | "crashed";
/** All of them. */
export const DEAD_LETTER_REASONS: readonly DeadLetterReason[] = [
  "attempts-exhausted",
  "rejected",
  "invalid",
  "expired",
  "crashed",
];

/** How one run of a handler ended. */
export type Result =
  | { readonly kind: "returned" }
  /** `dependency`: it failed in a call to that, whose own breaker has counted it. */
  | { readonly kind: "failed" | "timed-out"; readonly error: ErrorDetail; readonly dependency?: string }
  | { readonly kind: "rejected"; readonly error: ErrorDetail }
  | { readonly kind: "retry-after"; readonly delayMs: number; readonly error: ErrorDetail }
  /** What it emitted could not be stored; `transient`: for a reason that is not the event's. */
  | { readonly kind: "emit-failed"; readonly transient: boolean; readonly error: ErrorDetail }
  /** A dependency's breaker refused the call, or the call was its probe and failed. */
  | {
    readonly kind: "dependency-open";
    readonly dependency: string;
    readonly retryAtMs: number;
    readonly probeFailed: boolean;
    readonly error: ErrorDetail;
  }
  | { readonly kind: "shutdown" };

/**
 * What is to be done with a delivery. A value: only the settler acts on it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineFunction } from "weir";
 * import { invoke, type Outcome } from "weir/testing";
 *
 * const isOver = ({ kind }: Outcome) => kind === "ack" || kind === "dead-letter";
 *
 * assert.ok(isOver((await invoke(defineFunction({ on: "demo.asked" }, () => {}), {})).outcome));
 * ```
 */
export type Outcome =
  /** `skipped`: without a run, since the event was handled before, or waits elsewhere for its next attempt. */
  | { readonly kind: "ack"; readonly skipped?: "handled-before" | "parked" }
  /** Nothing: by now it may be somebody else's, and whatever were said of it would be said of theirs. */
  | { readonly kind: "lease-expired" }
  | {
    readonly kind: "retry";
    readonly delayMs: number;
    readonly reason: RetryReason;
    /** False when the failure is not the event's: the delivery does not count against its attempts. */
    readonly usesAttempt: boolean;
    readonly error?: ErrorDetail;
  }
  | {
    readonly kind: "dead-letter";
    readonly reason: DeadLetterReason;
    /** How many attempts were made: how often the handler was run. */
    readonly attempts: number;
    readonly error: ErrorDetail;
  };

/** The end of an event that could not be handled. */
export type DeadLetterOutcome = Outcome & { readonly kind: "dead-letter" };

/** Turns anything thrown into an {@linkcode ErrorDetail}. */
export function errorDetail(thrown: unknown): ErrorDetail {
  try {
    if (!(thrown instanceof Error)) return { name: "Error", message: describeThrown(thrown) };
    const { cause, stack } = thrown;
    const because = cause instanceof Error ? ` (cause: ${cause.message})` : "";
    const detail = { name: String(thrown.name), message: String(thrown.message) + because };
    return typeof stack === "string" ? { ...detail, stack } : detail;
  } catch {
    return { name: "Error", message: "an error that cannot be read" };
  }
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  if (thrown === undefined || thrown === null) return `${thrown} was thrown, which says nothing: throw an Error`;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}
