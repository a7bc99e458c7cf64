import { type Duration, formatDuration } from "../core/duration.ts";

/** Percent of a limit from which the rules warn. */
export const NEARLY_FULL = 80;

/** Formats a duration for a person: rounded up to three digits or so. */
export function span(ms: number): Duration {
  const unit = ms < 10_000 ? 1 : ms < 600_000 ? 1_000 : ms < 36_000_000 ? 60_000 : 3_600_000;
  return formatDuration(Math.ceil(ms / unit) * unit);
}

export function size(bytes: number): string {
  for (const [unit, of] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (bytes >= of) return `${Number((bytes / of).toFixed(1))} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** Returns the used part of a limit in whole percent. */
export function percent(used: number, of: number): number {
  return Math.floor(100 * used / of);
}
