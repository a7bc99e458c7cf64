import type { Duration } from "../core/duration.ts";

/**
 * What {@linkcode defineHealthCheck} takes besides the check.
 *
 * @example
 * ```ts
 * import { defineHealthCheck, type HealthCheckOptions } from "weir";
 *
 * const patient: HealthCheckOptions = { timeout: "5s" };
 * export const bank = defineHealthCheck("bank", (signal) => fetch("http://bank/health", { signal }), patient);
 * ```
 */
export interface HealthCheckOptions {
  /** A check that takes longer than this has failed. Default: two seconds. */
  readonly timeout?: Duration;
}

/**
 * A health check, as {@linkcode defineHealthCheck} returns it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineHealthCheck, type HealthCheckDefinition } from "weir";
 *
 * export const disk: HealthCheckDefinition = defineHealthCheck("disk", () => Deno.stat("."));
 * assert.equal(disk.name, "disk");
 * ```
 */
export interface HealthCheckDefinition extends HealthCheckOptions {
  /** What tells it from other exports. */
  readonly kind: "health-check";
  /** What it is called in the answer of `/health`. */
  readonly name: string;
  /** Throws when something is wrong. The signal aborts at the timeout. */
  readonly check: (signal: AbortSignal) => unknown | Promise<unknown>;
}

/**
 * How long a health check may take unless it says otherwise.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { HEALTH_CHECK_TIMEOUT } from "weir";
 *
 * assert.equal(HEALTH_CHECK_TIMEOUT, "2s");
 * ```
 */
export const HEALTH_CHECK_TIMEOUT: Duration = "2s";

/**
 * Declares a check of something the functions need. Export it from any file in `functions/`, besides the
 * function. It passes when it returns and fails when it throws; a failing one makes `/health` answer 503.
 *
 * @example
 * ```ts
 * import { defineHealthCheck } from "weir";
 *
 * export const payments = defineHealthCheck("payments", async (signal) => {
 *   const response = await fetch("http://127.0.0.1:7070/health", { signal });
 *   await response.body?.cancel();
 *   if (!response.ok) throw new Error(`payments answered ${response.status}`);
 * });
 * ```
 */
export function defineHealthCheck(
  name: string,
  check: (signal: AbortSignal) => unknown | Promise<unknown>,
  options: HealthCheckOptions = {},
): HealthCheckDefinition {
  return { ...options, kind: "health-check", name, check };
}
