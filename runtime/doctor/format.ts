import { type Duration, formatDuration } from "../core/duration.ts";

/** A span of time as a person would say it, rounded up to what matters. */
export function span(ms: number): Duration {
  const unit = ms < 10_000 ? 1 : ms < 600_000 ? 1_000 : ms < 36_000_000 ? 60_000 : 3_600_000;
  return formatDuration(Math.ceil(ms / unit) * unit);
}

/** What to write where so much is needed: twice that, in whole minutes at the least. */
export function roomy(ms: number): Duration {
  return span(Math.ceil(2 * ms / 60_000) * 60_000);
}

/** Bytes as a person would say them. */
export function size(bytes: number): string {
  for (const [unit, of] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (bytes >= of) return `${Number((bytes / of).toFixed(1))} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** How full, in whole percent. */
export function percent(used: number, of: number): number {
  return Math.floor(100 * used / of);
}
