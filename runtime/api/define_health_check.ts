import type { Duration } from "../core/duration.ts";

/** Options of {@linkcode defineHealthCheck}. */
export interface HealthCheckOptions {
  /** Name of the check in the answer of `/health`. */
  readonly name: string;
  /**
   * Longest duration of a check. A check that takes longer fails.
   *
   * @default {"2s"}
   */
  readonly timeout?: Duration;
}

/** A health check, as {@linkcode defineHealthCheck} returns it. */
export interface HealthCheckDefinition extends HealthCheckOptions {
  /** Distinguishes it from other exports. */
  readonly kind: "health-check";
  /** Throws if something is wrong. The signal aborts at the timeout. */
  readonly check: (signal: AbortSignal) => unknown | Promise<unknown>;
}

/** Timeout of a health check that sets none. */
export const HEALTH_CHECK_TIMEOUT: Duration = "2s";

/**
 * Declares a check of something that functions need. Export it from the file of each of these functions. It passes if
 * it returns, and fails if it throws. While it fails, `/health` answers 503 in the processes that run one of these
 * functions.
 *
 * @example
 * ```ts
 * import { defineHealthCheck } from "weir";
 *
 * export const payments = defineHealthCheck({ name: "payments", timeout: "1s" }, async (signal) => {
 *   const response = await fetch("http://127.0.0.1:7070/health", { signal });
 *   await response.body?.cancel();
 *   if (!response.ok) throw new Error(`payments answered ${response.status}`);
 * });
 * ```
 */
export function defineHealthCheck(
  options: HealthCheckOptions,
  check: (signal: AbortSignal) => unknown | Promise<unknown>,
): HealthCheckDefinition {
  return { ...options, kind: "health-check", check };
}
