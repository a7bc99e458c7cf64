import { isValidTraceId } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
} from "@opentelemetry/sdk-trace";

const SAMPLED: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };
const NOT_SAMPLED: SamplingResult = { decision: SamplingDecision.NOT_RECORD };

/** Returns the sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name. */
export function samplerOf(name = "parentbased_always_on", argument?: string): Sampler {
  const ratio = argument === undefined || Number.isNaN(Number(argument)) ? 1 : Number(argument);
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new RatioSampler(ratio);
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new RatioSampler(ratio) });
    default:
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

/**
 * Samples a fraction of all traces. It decides as the SDK's `TraceIdRatioBasedSampler`, so that all processes of a trace
 * agree. Hot path: the SDK's reads the id twice and allocates a result for every event.
 */
export class RatioSampler implements Sampler {
  readonly #below: number;

  /** @param ratio from 0 to 1; other numbers count as the nearer of the two */
  constructor(readonly ratio: number) {
    this.#below = ratio >= 1 ? 2 ** 32 : Math.floor(Math.max(0, ratio) * 0xffff_ffff);
  }

  shouldSample(_context: unknown, traceId: string): SamplingResult {
    return xorOfWords(traceId) < this.#below && isValidTraceId(traceId) ? SAMPLED : NOT_SAMPLED;
  }

  toString(): string {
    return `TraceIdRatioBased{${this.ratio}}`;
  }
}

/** Returns the exclusive or of the four 32-bit words of an id. */
function xorOfWords(traceId: string): number {
  let words = 0;
  for (let i = 0; i < traceId.length; i++) {
    const code = traceId.charCodeAt(i), digit = code < 0x40 ? code - 0x30 : (code | 0x20) - 0x57;
    words ^= digit << 28 - 4 * (i & 7);
  }
  return words >>> 0;
}
