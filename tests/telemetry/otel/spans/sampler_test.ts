import assert from "node:assert/strict";
import { type Context, ROOT_CONTEXT, SpanKind, trace, TraceFlags } from "@opentelemetry/api";
import { TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import { randomTraceId } from "../../../../runtime/telemetry/otel/spans/random_ids.ts";
import { RatioSampler } from "../../../../runtime/telemetry/otel/spans/ratio_sampler.ts";
import { samplerOf } from "../../../../runtime/telemetry/otel/spans/otlp_spans.ts";

const LOW = "00000000000000000000000000000001", HIGH = "ffffffff000000000000000000000000";

/** The context of a remote parent that was, or was not, sampled. */
function below(sampled: boolean, traceId: string): Context {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: "b7ad6b7169203331", traceFlags, isRemote: true });
}

/** The decisions for a root with a low and a high trace id, and a child of a sampled and an unsampled parent. */
function decisions(name?: string, argument?: string): string {
  const sampler = samplerOf(name, argument);
  return [[ROOT_CONTEXT, LOW], [ROOT_CONTEXT, HIGH], [below(true, HIGH), HIGH], [below(false, LOW), LOW]]
    .map(([parent, id]) => sampler.shouldSample(parent as Context, id as string, "span", SpanKind.SERVER, {}, []))
    .map(({ decision }) => decision === 2 ? "yes" : "no")
    .join(" ");
}

for (
  const [name, argument, expected] of [
    ["always_on", undefined, "yes yes yes yes"],
    ["always_off", undefined, "no no no no"],
    ["traceidratio", "0.5", "yes no no yes"],
    ["traceidratio", "0", "no no no no"],
    ["traceidratio", "-1", "no no no no"],
    ["traceidratio", "1", "yes yes yes yes"],
    ["traceidratio", undefined, "yes yes yes yes"],
    ["traceidratio", "half", "yes yes yes yes"],
    ["parentbased_always_on", undefined, "yes yes yes no"],
    ["parentbased_always_off", undefined, "no no yes no"],
    ["parentbased_traceidratio", "0.5", "yes no yes no"],
    ["parentbased_traceidratio", "0", "no no yes no"],
    ["parentbased_traceidratio", "1", "yes yes yes no"],
    [undefined, undefined, "yes yes yes no"],
    ["unknown", undefined, "yes yes yes no"],
  ]
) {
  Deno.test(`samplerOf ${name} with argument ${argument}: ${expected}`, () => {
    assert.equal(decisions(name, argument), expected);
  });
}

/** Ids whose four numbers, by exclusive or, are next to `limit`, and others. */
function idsAround(limit: number): string[] {
  const hex = (number: number) => (number >>> 0).toString(16).padStart(8, "0"), other = 0x0123abcd;
  const near = [limit - 1, limit, limit + 1].flatMap((number) => [
    hex(number) + "0".repeat(24),
    hex(other).repeat(3) + hex(number ^ other),
  ]);
  return [...near, ...Array.from({ length: 1_000 }, randomTraceId)];
}

for (const ratio of [1e-12, 1e-9, 0.001, 0.05, 0.1, 1 / 3, 0.5, 0.75, 1 - 1e-9]) {
  Deno.test(`RatioSampler with ratio ${ratio} samples what TraceIdRatioBasedSampler of the SDK samples`, () => {
    const own = new RatioSampler(ratio), sdk = new TraceIdRatioBasedSampler(ratio);
    for (const id of idsAround(Math.floor(ratio * 0xffff_ffff))) {
      for (const text of [id, id.toUpperCase()]) {
        assert.deepEqual(
          own.shouldSample(ROOT_CONTEXT, text),
          sdk.shouldSample(ROOT_CONTEXT, text),
          `${ratio} ${text}`,
        );
      }
    }
    assert.equal(own.toString(), sdk.toString());
  });
}
