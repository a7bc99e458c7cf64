import assert from "node:assert/strict";
import { randomSpanId, randomTraceId } from "../../../../runtime/telemetry/otel/spans/random_ids.ts";
import { nowMs } from "../../../../runtime/telemetry/otel/spans/span_clock.ts";

/** Asserts that `nowMs` lies between two readings of the system clock, within 20 ms. */
function assertSystemTime(): void {
  const before = Date.now(), now = nowMs(), after = Date.now();
  assert.ok(now > before - 20 && now < after + 20, `${now} is not between ${before} and ${after}`);
}

Deno.test("nowMs returns the system time with fractions of a millisecond", () => {
  assertSystemTime();
  assert.ok(Array.from({ length: 10 }, nowMs).some((ms) => ms % 1 !== 0));
});

Deno.test("nowMs follows within a second when the system clock is set", () => {
  const { now } = Date, timer = performance.now;
  try {
    Date.now = () => now() + 3_600_000;
    performance.now = () => timer.call(performance) + 1_001;
    nowMs();
    assertSystemTime();
  } finally {
    Date.now = now;
    performance.now = timer;
  }
});

Deno.test("randomSpanId and randomTraceId return unique ids with all digits", () => {
  const spans = new Set(Array.from({ length: 10_000 }, randomSpanId));
  const traces = new Set(Array.from({ length: 10_000 }, randomTraceId));
  assert.deepEqual([spans.size, traces.size], [10_000, 10_000]);
  for (const id of spans) assert.match(id, /^(?!0{16})[0-9a-f]{16}$/);
  for (const id of traces) assert.match(id, /^(?!0{32})[0-9a-f]{32}$/);
});

Deno.test("randomSpanId and randomTraceId return no id of zeros", () => {
  const { random } = Math;
  try {
    Math.random = () => 0;
    assert.deepEqual([randomSpanId(), randomTraceId()], ["0100000000000000", "01000000000000000000000000000000"]);
  } finally {
    Math.random = random;
  }
});
