import type { DeadLetterReason } from "./dead_letter.ts";

/** A thrown value as plain text, for logs, headers and tests. */
export interface ErrorDetail {
  /** Name of the error's class. */
  readonly name: string;
  /** Message of the error, with its code, its parts and its causes. */
  readonly message: string;
  /** Stack of the error. */
  readonly stack?: string;
}

/** Returns an error as one text: `TypeError: no stock`. */
export function errorText({ name, message }: ErrorDetail): string {
  return `${name}: ${message}`;
}

/** Reason of a retry. */
export type RetryReason =
  | "failed"
  | "timed-out"
  | "retry-after"
  | "emit-failed"
  | "breaker-open"
  | "dependency-open"
  | "state-unavailable"
  | "resource-unavailable"
  | "unknown-subject"
  | "newer-version"
  | "claim-held"
  | "prefetched"
  | "rate-limited"
  | "key-limited"
  | "waits-for-key"
  | "blocks-key"
  | "shutdown";

/** Returns whether an event is retried so that a process of another release receives it. */
export function waitsForOtherRelease(reason: RetryReason): boolean {
  return reason === "unknown-subject" || reason === "newer-version";
}

/** Result of one run of a handler. */
export type Result =
  | { readonly kind: "returned" }
  /** `dependency` names the dependency whose call failed; its own breaker has counted the failure. */
  | { readonly kind: "failed" | "timed-out"; readonly error: ErrorDetail; readonly dependency?: string }
  | { readonly kind: "rejected"; readonly error: ErrorDetail }
  /** The handler asked for a retry, after `delayMs` or at `atMs`. Without either the backoff decides. */
  | { readonly kind: "retry-after"; readonly delayMs?: number; readonly atMs?: number; readonly error: ErrorDetail }
  /** An emitted event could not be stored. It is `transient` if the event itself is not at fault. */
  | { readonly kind: "emit-failed"; readonly transient: boolean; readonly error: ErrorDetail }
  /** A service that Weir gives to handlers, such as a key-value bucket, does not answer. The event is not at fault. */
  | { readonly kind: "unavailable"; readonly error: ErrorDetail }
  /** The check of a resource that the function needs fails. */
  | { readonly kind: "resource-unavailable"; readonly error: ErrorDetail }
  /** The breaker of a dependency refused the call, or the call was its probe and failed. */
  | {
    readonly kind: "dependency-open";
    readonly dependency: string;
    readonly retryAtMs: number;
    readonly probeFailed: boolean;
    readonly error: ErrorDetail;
  }
  | { readonly kind: "shutdown" };

/** Reason why an event is acked although its handler did not run. */
export type SkipReason =
  /** The function is idempotent, and has handled the event before. */
  | "handled-before"
  /** A delayed retry of the event is stored already, so this delivery is redundant. */
  | "delayed"
  /** The function had emitted the event with a delay. It was due, and is published now. */
  | "published"
  /** The function's `where` returned false. */
  | "filtered"
  /** The event waits until its key is quiet. A later event of the key replaces it. */
  | "debounced";

/** Decision about a delivery. It is a value: the settler alone performs it. */
export type Outcome =
  /** The event is done. `skipped` is set if the handler did not run. */
  | { readonly kind: "ack"; readonly skipped?: SkipReason }
  /** The lease expired. Another process may own the delivery, so it is neither acked nor nacked. */
  | { readonly kind: "lease-expired" }
  | {
    readonly kind: "retry";
    readonly delayMs: number;
    readonly reason: RetryReason;
    /** False if the event is not at fault: the delivery does not count as an attempt. */
    readonly usesAttempt: boolean;
    readonly error?: ErrorDetail;
  }
  | {
    readonly kind: "dead-letter";
    readonly reason: DeadLetterReason;
    /** Runs of the handler. */
    readonly attempts: number;
    readonly error: ErrorDetail;
    /** Key of a function with `onFailure: "park"` that the dead letter parks, or behind which it is parked. */
    readonly orderKey?: string;
  };

/** The outcome of an event that could not be handled. */
export type DeadLetterOutcome = Outcome & { readonly kind: "dead-letter" };

/** Returns the reason of an outcome; undefined for an event that was handled, or whose lease expired. */
export function reasonOf(outcome: Outcome): string | undefined {
  if (outcome.kind === "lease-expired") return undefined;
  return outcome.kind === "ack" ? outcome.skipped : outcome.reason;
}
