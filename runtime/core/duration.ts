/**
 * A span of time: a number of milliseconds, or text such as `"250ms" "10s" "5m" "2h" "7d"`.
 *
 * @example
 * ```ts
 * import type { Duration } from "weir";
 *
 * export const waits: Duration[] = [250, "250ms", "1.5s", "7d"];
 * ```
 */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Milliseconds of a {@linkcode Duration}, or undefined when it is not one.
 * A negative, infinite or fractional-millisecond span is not one: no setting of ours means anything by it.
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "number") return isSpan(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  if (!match) return undefined;
  const exact = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  const ms = Math.round(exact); // 1.1 h is a hair more than 3960000 ms, as fractions in binary are
  return isSpan(ms) && Math.abs(exact - ms) < 1e-6 ? ms : undefined;
}

/** Writes milliseconds the way a person would: `90000` is `"90s"`, `120000` is `"2m"`. */
export function formatDuration(ms: number): Duration {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** What to tell someone whose duration could not be read. */
export const DURATION_HELP = 'milliseconds, or text such as "250ms", "10s", "5m", "2h", "7d"';

function isSpan(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0;
}
