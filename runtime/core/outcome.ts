/** A thrown value as plain text, for logs, headers and tests. */
export interface ErrorDetail {
  /** Name of the error's class. */
  readonly name: string;
  /** Message of the error, and of its cause. */
  readonly message: string;
  /** Stack of the error. */
  readonly stack?: string;
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
  | "unknown-subject"
  | "claim-held"
  | "shutdown";

/** Every {@linkcode DeadLetterReason}. */
export const DEAD_LETTER_REASONS = ["attempts-exhausted", "rejected", "invalid", "expired", "crashed"] as const;
/** Reason of a dead letter. */
export type DeadLetterReason = typeof DEAD_LETTER_REASONS[number];

/** Result of one run of a handler. */
export type Result =
  | { readonly kind: "returned" }
  /** `dependency` names the dependency whose call failed; its own breaker has counted the failure. */
  | { readonly kind: "failed" | "timed-out"; readonly error: ErrorDetail; readonly dependency?: string }
  | { readonly kind: "rejected"; readonly error: ErrorDetail }
  | { readonly kind: "retry-after"; readonly delayMs: number; readonly error: ErrorDetail }
  /** An emitted event could not be stored. It is `transient` if the event itself is not at fault. */
  | { readonly kind: "emit-failed"; readonly transient: boolean; readonly error: ErrorDetail }
  /** The breaker of a dependency refused the call, or the call was its probe and failed. */
  | {
    readonly kind: "dependency-open";
    readonly dependency: string;
    readonly retryAtMs: number;
    readonly probeFailed: boolean;
    readonly error: ErrorDetail;
  }
  | { readonly kind: "shutdown" };

/** Decision about a delivery. It is a value: the settler alone performs it. */
export type Outcome =
  /** `skipped` says why the handler did not run: the event was handled before, or a delayed retry of it waits. */
  | { readonly kind: "ack"; readonly skipped?: "handled-before" | "delayed" }
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

/** Describes any thrown value. Never throws. */
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
  if (thrown === undefined || thrown === null) return `${thrown} was thrown, which explains nothing: throw an Error`;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}
