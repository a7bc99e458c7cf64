import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRetryAfter, type RetryAfter, retryAfterIn } from "../../runtime/core/retry_after_header.ts";

const WEDNESDAY = Date.UTC(2026, 9, 21, 7, 28), YEAR_MS = 365 * 86_400_000;
const values: [value: string, expected: RetryAfter | undefined][] = [
  ["120", { delayMs: 120_000 }],
  ["0", { delayMs: 0 }],
  [" 30 ", { delayMs: 30_000 }],
  ["1.5", { delayMs: 1_500 }],
  ["9".repeat(400), { delayMs: YEAR_MS }],
  ["Wed, 21 Oct 2026 07:28:00 GMT", { atMs: WEDNESDAY }],
  ["wed, 21 oct 2026 07:28:00 gmt", { atMs: WEDNESDAY }],
  ["Wed, 21 Oct 2026 07:28:00 UTC", { atMs: WEDNESDAY }],
  ["Wed, 7 Oct 2026 07:28:00 GMT", { atMs: WEDNESDAY - 14 * 86_400_000 }],
  ["Wednesday, 21-Oct-26 07:28:00 GMT", { atMs: WEDNESDAY }],
  ["Wed Oct 21 07:28:00 2026", { atMs: WEDNESDAY }],
  ["2026-10-21T07:28:00Z", { atMs: WEDNESDAY }],
  ["2026-10-21T09:28:00.000+02:00", { atMs: WEDNESDAY }],
  ...["", "soon", "-5", "1e3", "0x10", "soon 5", "5 minutes", "120, 60", "Wed, 21 Oct 2026", "NaN", "Infinity"]
    .map((value): [string, undefined] => [value, undefined]),
  ["Wed, 21 Oct 2026 27:28:00 GMT", undefined],
];
for (const [value, expected] of values) {
  Deno.test(`parseRetryAfter reads ${JSON.stringify(value.slice(0, 40))} as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(parseRetryAfter(value), expected);
  });
}

Deno.test("parseRetryAfter reads back every date in seconds, and never returns NaN", () => {
  const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
  fc.assert(fc.property(seconds, (at) => {
    assert.deepEqual(parseRetryAfter(new Date(at * 1_000).toUTCString()), { atMs: at * 1_000 });
  }));
  fc.assert(fc.property(fc.string(), (text) => {
    const after = parseRetryAfter(text);
    assert.ok(after === undefined || Number.isFinite("atMs" in after ? after.atMs : after.delayMs));
  }));
});

const DATE = "Wed, 21 Oct 2026 07:28:00 GMT";
const headers: [headers: Record<string, string>, expected: RetryAfter | undefined][] = [
  [{}, undefined],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "5" }, { delayMs: 5_000 }],
  [{ "retry-after": DATE }, { atMs: WEDNESDAY }],
  [{ "retry-after": DATE, date: "Wed, 21 Oct 2026 07:27:00 GMT" }, { delayMs: 60_000 }],
  [{ "retry-after": DATE, date: "Wed, 21 Oct 2026 07:29:00 GMT" }, { delayMs: 0 }],
  [{ "retry-after": DATE, date: "today" }, { atMs: WEDNESDAY }],
];
for (const [given, expected] of headers) {
  Deno.test(`retryAfterIn reads ${JSON.stringify(given)} as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(retryAfterIn(new Headers(given)), expected);
  });
}
