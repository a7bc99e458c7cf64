/** Time to wait: a delay, or until a time in milliseconds since 1970. */
export type RetryAfter = { readonly delayMs: number } | { readonly atMs: number };

/** Upper bound of a delay in a header: a year. */
const MAX_MS = 365 * 86_400_000;
const TIME = "\\d{2}:\\d{2}:\\d{2}", DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
/**
 * Forms of a date that are read: the three of HTTP, of which servers send the first, and RFC 3339. `Date.parse` alone
 * would take any text with a number.
 */
const DATES = [
  new RegExp(`^${DAY}, \\d{1,2} [A-Z]{3} \\d{4} ${TIME} (GMT|UTC)$`, "i"),
  new RegExp(`^${DAY}[a-z]*, \\d{2}-[A-Z]{3}-\\d{2} ${TIME} GMT$`, "i"),
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/,
];
const ASCTIME = new RegExp(`^${DAY} [A-Z][a-z]{2} [ \\d]\\d ${TIME} \\d{4}$`);

/** Reads the value of a `Retry-After` header (RFC 9110): seconds or a date. Undefined for any other text. */
export function parseRetryAfter(value: string): RetryAfter | undefined {
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return { delayMs: Math.min(MAX_MS, Math.ceil(Number(text) * 1_000)) };
  const atMs = parseHttpDate(text);
  return atMs === undefined ? undefined : { atMs };
}

/**
 * Reads the `Retry-After` header of a response. A date counts from the response's own `Date` header, so that the clocks
 * need not agree. Undefined if the header is missing or cannot be read: what another server writes must not cause an
 * error.
 */
export function retryAfterIn(headers: { get(name: string): string | null }): RetryAfter | undefined {
  const after = parseRetryAfter(headers.get("retry-after") ?? ""), fromMs = parseHttpDate(headers.get("date") ?? "");
  if (!after || "delayMs" in after || fromMs === undefined) return after;
  return { delayMs: Math.max(0, after.atMs - fromMs) };
}

function parseHttpDate(text: string): number | undefined {
  const ms = Date.parse(ASCTIME.test(text) ? `${text} GMT` : DATES.some((form) => form.test(text)) ? text : "");
  return Number.isNaN(ms) ? undefined : ms;
}
