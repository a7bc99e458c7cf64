import assert from "node:assert/strict";
import { randomSpanId, randomTraceId } from "../../../../runtime/telemetry/otel/spans/random_ids.ts";
import { nowMs } from "../../../../runtime/telemetry/otel/spans/span_clock.ts";

Deno.test("the clock of spans is the system's, with fractions of a millisecond", () => {
  assert.ok(Math.abs(nowMs() - Date.now()) < 20);
  assert.ok(Array.from({ length: 10 }, nowMs).some((ms) => ms % 1 !== 0));
});

Deno.test("a system clock that is set is followed within a second", () => {
  const { now } = Date, timer = performance.now;
  try {
    Date.now = () => now() + 3_600_000;
    performance.now = () => timer.call(performance) + 1_001;
    nowMs();
    assert.ok(Math.abs(nowMs() - Date.now()) < 20, "an hour later");
  } finally {
    Date.now = now;
    performance.now = timer;
  }
});

Deno.test("ids have all their digits, and are all different", () => {
  const spans = new Set(Array.from({ length: 10_000 }, randomSpanId));
  const traces = new Set(Array.from({ length: 10_000 }, randomTraceId));
  assert.deepEqual([spans.size, traces.size], [10_000, 10_000]);
  for (const id of spans) assert.match(id, /^(?!0{16})[0-9a-f]{16}$/);
  for (const id of traces) assert.match(id, /^(?!0{32})[0-9a-f]{32}$/);
});

Deno.test("chance that gives nothing but zeros makes no id of them", () => {
  const { random } = Math;
  try {
    Math.random = () => 0;
    assert.deepEqual([randomSpanId(), randomTraceId()], ["0100000000000000", "01000000000000000000000000000000"]);
  } finally {
    Math.random = random;
  }
});
