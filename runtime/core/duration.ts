/**
 * A span of time: a number of milliseconds, or text such as `"250ms" "10s" "5m" "2h" "7d"`.
 */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Returns the milliseconds of a {@linkcode Duration}, or undefined for anything else. A span that is negative, infinite
 * or no whole number of milliseconds is no duration.
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "number") return isSpan(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  if (!match) return undefined;
  const exact = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  const ms = Math.round(exact); // 1.1 h is slightly more than 3960000 ms in binary floating point
  return isSpan(ms) && Math.abs(exact - ms) < 1e-6 ? ms : undefined;
}

/** Formats milliseconds in the largest unit that divides them: `90000` is `"90s"`, `120000` is `"2m"`. */
export function formatDuration(ms: number): Duration {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/**
 * Units for people, longest first. A unit is used from `fromMs` on: below, the number of the next smaller unit is still
 * short enough to read.
 */
const ROUGH_UNITS = [
  { fromMs: 48 * UNIT_MS.h, name: "day", ms: UNIT_MS.d },
  { fromMs: 100 * UNIT_MS.m, name: "hour", ms: UNIT_MS.h },
  { fromMs: 100 * UNIT_MS.s, name: "minute", ms: UNIT_MS.m },
  { fromMs: 10 * UNIT_MS.s, name: "second", ms: UNIT_MS.s },
] as const;

/** Formats a measured span for a person, rounded: `776445` is `"13 minutes"`, `1530` is `"1.5 seconds"`. */
export function readableDuration(ms: number): string {
  const unit = ROUGH_UNITS.find(({ fromMs }) => ms >= fromMs);
  if (!unit && ms < UNIT_MS.s) return `${Math.round(ms)} ms`;
  const count = unit ? Math.round(ms / unit.ms) : Math.round(ms / 100) / 10;
  return `${count} ${unit?.name ?? "second"}${count === 1 ? "" : "s"}`;
}

/** Formats a measured span for a column, rounded as {@linkcode readableDuration}: `776445` is `"13m"`. */
export function roughDuration(ms: number): string {
  const unit = ROUGH_UNITS.find(({ fromMs }) => ms >= fromMs);
  if (unit) return String(formatDuration(Math.round(ms / unit.ms) * unit.ms));
  return ms < UNIT_MS.s ? `${Math.max(0, Math.round(ms))}ms` : `${Math.round(ms / 100) / 10}s`;
}

/** Forms of a duration, for errors about one that cannot be read. */
export const DURATION_HELP = 'milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"';

function isSpan(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0;
}
