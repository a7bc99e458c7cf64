import assert from "node:assert/strict";
import fc from "fast-check";
import { type ClockOffset, middleOf, narrowOffset, offsetOf } from "../../runtime/core/clock_offset.ts";

/** A request to a host whose clock is `offByMs` ahead: how long until its clock is read, and until the answer is. */
const requests = fc.array(
  fc.record({
    pauseMs: fc.nat(60_000),
    thereMs: fc.nat(5_000),
    backMs: fc.nat(5_000),
    setByMs: fc.integer({ min: -9e6, max: 9e6 }),
  }),
  { minLength: 1, maxLength: 20 },
);

Deno.test("narrowOffset contains the true offset of a clock that is not set, and only ever gets narrower", () => {
  fc.assert(fc.property(requests, fc.integer({ min: -9e9, max: 9e9 }).map((eighths) => eighths / 8), (all, offByMs) => {
    let nowMs = 0, offset: ClockOffset | undefined, widthMs = Infinity;
    for (const { pauseMs, thereMs, backMs } of all) {
      const sentMs = nowMs += pauseMs, theirMs = Math.floor((nowMs += thereMs) + offByMs);
      offset = narrowOffset(offset, offsetOf(sentMs, theirMs, nowMs += backMs));
      assert.ok(offset.leastMs <= offByMs && offByMs <= offset.mostMs);
      const width = offset.mostMs - offset.leastMs;
      assert.ok(width <= widthMs + 4e-4 * (nowMs - sentMs + pauseMs) + 1e-3);
      widthMs = width;
    }
  }));
});

Deno.test("narrowOffset is wrong by no more than the last round trip, however the other clock is set", () => {
  fc.assert(fc.property(requests, (all) => {
    let nowMs = 0, offByMs = 0, offset: ClockOffset | undefined;
    for (const { pauseMs, thereMs, backMs, setByMs } of all) {
      offByMs += setByMs;
      const sentMs = nowMs += pauseMs, theirMs = (nowMs += thereMs) + offByMs;
      offset = narrowOffset(offset, offsetOf(sentMs, theirMs, nowMs += backMs));
      assert.ok(Math.abs(middleOf(offset) - offByMs) <= thereMs + backMs + 1);
    }
  }));
});
