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
  | "waits-for-key"
  | "blocks-key"
  | "shutdown";

/** Returns whether an event is retried so that a process of another release receives it. */
export function waitsForOtherRelease(reason: RetryReason): boolean {
  return reason === "unknown-subject" || reason === "newer-version";
}

/** Every {@linkcode DeadLetterReason}. */
export const DEAD_LETTER_REASONS = [
  "attempts-exhausted",
  "rejected",
  "invalid",
  "expired",
  "crashed",
  "looped",
  "cancelled",
] as const;
/** Reason of a dead letter. */
export type DeadLetterReason = typeof DEAD_LETTER_REASONS[number];

/** Result of one run of a handler. */
export type Result =
  | { readonly kind: "returned" }
  /** `dependency` names the dependency whose call failed; its own breaker has counted the failure. */
  | { readonly kind: "failed" | "timed-out"; readonly error: ErrorDetail; readonly dependency?: string }
  | { readonly kind: "rejected"; readonly error: ErrorDetail }
  /** A time to wait: after a delay, or until a time. Without either the backoff decides. */
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

/** Why an event is acked although its handler did not run. */
export type SkipReason = "handled-before" | "delayed" | "published" | "filtered" | "debounced";

/** Decision about a delivery. It is a value: the settler alone performs it. */
export type Outcome =
  /**
   * `skipped` says why the handler did not run: the event was handled before, a delayed retry of it waits, it is an event
   * that the function emitted with a delay and that is now published, the function's `where` returned false, or it waits
   * until its key is quiet unless a later event of the key replaces it.
   */
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
  };

/** The outcome of an event that could not be handled. */
export type DeadLetterOutcome = Outcome & { readonly kind: "dead-letter" };

/** Returns the reason of an outcome; undefined for an event that was handled, or whose lease expired. */
export function reasonOf(outcome: Outcome): string | undefined {
  if (outcome.kind === "lease-expired") return undefined;
  return outcome.kind === "ack" ? outcome.skipped : outcome.reason;
}
