import assert from "node:assert/strict";
import { kindOf } from "../../runtime/console/function_record.ts";
import { functionState, type StateFacts } from "../../runtime/console/function_state.ts";
import { Latencies, rounded } from "../../runtime/console/latencies.ts";
import { payloadView, previewOf } from "../../runtime/console/payload_view.ts";
import { WindowedCount } from "../../runtime/console/windowed_count.ts";

Deno.test("WindowedCount tells the rate of the last seconds, and none after the count began anew", () => {
  const count = new WindowedCount();
  assert.equal(count.perSecond(5), null);
  for (let second = 0; second <= 20; second++) {
    count.mark(second * 1_000);
    count.total += second < 10 ? 100 : 200;
  }
  assert.equal(count.perSecond(5), 200);
  assert.equal(count.recent(5), 1_000);
  assert.ok(count.recent(10) <= 2_000);
  count.total = 0;
  count.mark(21_000);
  assert.equal(count.perSecond(5), null);
});

Deno.test("Latencies.percentile is within 15 % of the duration, over several records", () => {
  for (const ms of [0.05, 1, 12, 480, 20_000, 600_000]) {
    const latencies = new Latencies();
    for (let n = 0; n < 98; n++) latencies.record(ms);
    latencies.record(3 * ms);
    const other = new Latencies();
    other.record(10 * ms);
    assert.ok(Math.abs(Latencies.percentile(0.5, latencies)! / ms - 1) < 0.15, `${ms} ms`);
    assert.ok(Math.abs(Latencies.percentile(1, latencies, other)! / (10 * ms) - 1) < 0.15 || ms === 600_000);
  }
  assert.equal(Latencies.percentile(0.5, new Latencies()), null);
});

for (
  const [value, expected] of [[0, 0], [1234.5, 1230], [0.012345, 0.0123], [7, 7]] as const
) {
  Deno.test(`rounded returns ${expected} for ${value}`, () => assert.equal(rounded(value), expected));
}

const IDLE: StateFacts = {
  pausedUntil: null,
  breaker: "closed",
  handled: 0,
  failed: 0,
  deadLetters: 0,
  rate: 0,
  pending: 0,
  oldestMs: 0,
  retries: 0,
};
for (
  const [expected, facts] of [
    ["idle", {}],
    ["ok", { handled: 5 }],
    ["ok", { rate: 3 }],
    ["ok", { handled: 5, pending: 100, oldestMs: 500 }],
    ["retrying", { handled: 5, failed: 1 }],
    ["retrying", { retries: 2 }],
    ["behind", { handled: 5, pending: 1, oldestMs: 11_000 }],
    ["failing", { handled: 1, failed: 2 }],
    ["failing", { handled: 500, deadLetters: 1 }],
    ["breaker-open", { breaker: "open", deadLetters: 1 }],
    ["breaker-open", { breaker: "half-open" }],
    ["paused", { pausedUntil: "2200-01-01T00:00:00Z", breaker: "open" }],
    ["unknown", { breaker: undefined, rate: null, pending: null, oldestMs: null, retries: null }],
    ["idle", { rate: null, pending: null, oldestMs: null, retries: null }],
  ] as [string, Partial<StateFacts>][]
) {
  Deno.test(`functionState is ${expected} for ${JSON.stringify(facts)}`, () => {
    assert.equal(functionState({ ...IDLE, ...facts }), expected);
  });
}

const error = { name: "Error", message: "no" };
for (
  const [expected, outcome] of [
    ["ack", { kind: "ack" }],
    ["skipped", { kind: "ack", skipped: "filtered" }],
    ["retry", { kind: "retry", reason: "failed", delayMs: 1, usesAttempt: true, error }],
    ["deferred", { kind: "retry", reason: "breaker-open", delayMs: 1, usesAttempt: false }],
    ["deadLetter", { kind: "dead-letter", reason: "rejected", attempts: 1, error }],
    ["leaseExpired", { kind: "lease-expired" }],
  ] as [string, Parameters<typeof kindOf>[0]][]
) {
  Deno.test(`kindOf is ${expected} for ${JSON.stringify(outcome)}`, () => assert.equal(kindOf(outcome), expected));
}

const bytes = (text: string) => new TextEncoder().encode(text);
for (
  const [what, payload, expected] of [
    ["JSON", bytes('{"n":1.0}'), { bytes: 9, data: { n: 1 }, raw: '{"n":1.0}' }],
    ["text", bytes("<b>no</b>"), { bytes: 9, text: "<b>no</b>" }],
    ["bytes that are no text", new Uint8Array([0xff, 0xfe]), { bytes: 2, base64: "//4=" }],
    ["nothing", new Uint8Array(), { bytes: 0, text: "" }],
  ] as const
) {
  Deno.test(`payloadView shows ${what}`, () => assert.deepEqual(payloadView(payload), expected));
}

Deno.test("payloadView and previewOf shorten what is long", () => {
  const long = bytes("é".repeat(200_000)), view = payloadView(long);
  assert.deepEqual([view.truncated, view.bytes], [true, 400_000]);
  assert.equal(previewOf(long), `${"é".repeat(300)}…`);
  assert.equal(previewOf(bytes("a\n  b")), "a b");
});
