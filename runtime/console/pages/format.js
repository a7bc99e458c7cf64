/** Stands where a figure is not known. */
export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en");

/** `1,234`; from 10,000 on `12.3k`, `123k`, `1.2M`. */
export function count(n) {
  if (n === null || n === undefined) return UNKNOWN;
  if (n < 10_000) return whole.format(Math.round(n));
  if (n < 99_950) return `${(n / 1e3).toFixed(1)}k`;
  if (n < 999_500) return `${Math.round(n / 1e3)}k`;
  return n < 1e9 ? `${(n / 1e6).toFixed(1)}M` : `${(n / 1e9).toFixed(1)}G`;
}

/** A rate: `0`, `0.2`, `4.1`, `120`. */
export function rate(n) {
  if (n === null || n === undefined) return UNKNOWN;
  if (n === 0) return "0";
  if (n < 0.1) return "<0.1";
  return n < 10 ? n.toFixed(1) : count(n);
}

/** A duration: `0.4 ms`, `12 ms`, `1.2 s`, `3m 20s`, `2h 5m`, `3d 4h`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 1) return ms === 0 ? "0 ms" : `${Math.max(ms, 0.1).toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h ${Math.floor(seconds % 3_600 / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor(seconds % 86_400 / 3_600)}h`;
}

/** `3 s ago`, of a time. @param {string | number} time ISO, or milliseconds of the epoch */
export function ago(time, now = Date.now()) {
  const ms = Math.max(0, now - new Date(time).getTime());
  if (ms < 60_000) return ms < 1_000 ? "now" : `${Math.floor(ms / 1_000)} s ago`;
  return `${duration(ms)} ago`;
}

/** `14:03:07.123`, in the browser's time zone. */
export function clock(time, withMs = true) {
  const date = new Date(time), two = (n) => String(n).padStart(2, "0");
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMs ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** `2026-11-30 14:03:07.123`. */
export function moment(time) {
  const date = new Date(time), two = (n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;
}

/** `812 B`, `1.4 kB`, `2.0 MB`. */
export function bytes(n) {
  if (n === null || n === undefined) return UNKNOWN;
  if (n < 1_000) return `${n} B`;
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

/** `1 event`, `2 events`. */
export function counted(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
