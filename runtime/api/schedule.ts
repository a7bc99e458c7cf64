import type { Duration } from "../core/duration.ts";
import type { CatchUp } from "../core/schedule.ts";

/** Options of {@linkcode every}. */
export interface EveryOptions {
  /**
   * Missed ticks that run: `none`, the `last` one (unless a later tick is on time), or `all` (the newest 1,000 at the
   * most). A tick is missed if no process of the function published it within ten seconds of its time, or if the
   * function was paused.
   *
   * @default {"last"}
   */
  readonly catchUp?: CatchUp;
}

/** Options of {@linkcode cron}. */
export interface CronOptions extends EveryOptions {
  /**
   * Time zone of the expression, by its IANA name, such as `Europe/Berlin`. A time that is skipped when daylight saving
   * begins runs right after the gap. A time that comes twice when it ends runs the first time, but an expression such
   * as `0 * * * *` runs in both of those hours.
   *
   * @default {"UTC"}
   */
  readonly timezone?: string;
}

/** A trigger that is due at times, as {@linkcode cron} and {@linkcode every} return it. */
export interface ScheduleTrigger extends CronOptions {
  /** Distinguishes it from other triggers. */
  readonly kind: "schedule";
  /** Cron expression. Absent for an interval. */
  readonly cron?: string;
  /** Interval. Absent for a cron expression. */
  readonly every?: Duration;
}

/** Data of the event that a schedule delivers. */
export interface Tick {
  /** Time at which the tick was due: an RFC 3339 timestamp, and the event's `time`. */
  readonly scheduledAt: string;
  /** The schedule, such as `0 8 * * * (Europe/Berlin)` or `every 30s`. */
  readonly schedule: string;
}

/**
 * Runs a function at the times of a cron expression: minute, hour, day of the month, month and day of the week, with
 * seconds before them if there are six fields, or a nickname such as `@daily`. Each tick is one event, whatever the
 * number of processes.
 *
 * @example
 * ```ts
 * import { cron, defineFunction } from "weir";
 *
 * export default defineFunction({ on: cron("0 8 * * MON-FRI", { timezone: "Europe/Berlin" }) }, ({ data }, { log }) => {
 *   log.info("report", { of: data.scheduledAt });
 * });
 * ```
 */
export function cron(expression: string, options: CronOptions = {}): ScheduleTrigger {
  return { ...options, kind: "schedule", cron: expression };
}

/**
 * Runs a function at an interval of a second or more. The ticks are the multiples of the interval since 1970, so every
 * process knows the same ones. Each tick is one event, whatever the number of processes.
 *
 * @example
 * ```ts
 * import { defineFunction, every } from "weir";
 *
 * export default defineFunction({ on: every("30s", { catchUp: "none" }) }, ({ time }, { log }) => {
 *   log.info("poll", { at: time });
 * });
 * ```
 */
export function every(interval: Duration, options: EveryOptions = {}): ScheduleTrigger {
  return { ...options, kind: "schedule", every: interval };
}
