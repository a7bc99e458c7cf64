import assert from "node:assert/strict";
import { INVALID_TRACEID, ROOT_CONTEXT } from "@opentelemetry/api";
import { TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { RatioSampler } from "../../../runtime/telemetry/otel/ratio_sampler.ts";

Deno.test("of any trace it decides as the SDK's sampler does", () => {
  const traceId = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: 32, maxLength: 32 });
  const ratio = fc.oneof(fc.constantFrom(-1, 0, 1, 2), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(fc.property(ratio, traceId, (ratio, traceId) => {
    const own = new RatioSampler(ratio), theirs = new TraceIdRatioBasedSampler(ratio);
    const { decision } = theirs.shouldSample(ROOT_CONTEXT, traceId);
    assert.equal(own.shouldSample(ROOT_CONTEXT, traceId).decision, decision);
  }));
});

Deno.test("a tenth of all traces is a tenth of them, and none of an id that is none", () => {
  const sampler = new RatioSampler(0.1);
  const id = () => Array.from({ length: 4 }, () => crypto.getRandomValues(new Uint8Array(4)).toHex()).join("");
  const sampled = Array.from({ length: 20_000 }, id).filter((id) =>
    sampler.shouldSample(ROOT_CONTEXT, id).decision > 0
  );
  assert.ok(sampled.length > 1_600 && sampled.length < 2_400, String(sampled.length));
  assert.equal(sampler.shouldSample(ROOT_CONTEXT, INVALID_TRACEID).decision, 0);
});
