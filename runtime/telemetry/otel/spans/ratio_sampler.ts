import { type Sampler, SamplingDecision, type SamplingResult } from "@opentelemetry/sdk-trace";

/** Hex digits of the four numbers of 32 bits that a trace id consists of. */
const DIGITS = 8;
const SAMPLED: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };
const NOT_SAMPLED: SamplingResult = { decision: SamplingDecision.NOT_RECORD };

/**
 * Samples the traces that `TraceIdRatioBasedSampler` of the SDK samples: those whose four numbers, by exclusive or, are
 * less than the ratio times 2³² - 1. Hot path: most ids differ from that limit in the first digit, so no further one is
 * read, see bench.
 */
export class RatioSampler implements Sampler {
  readonly #limit: readonly number[];

  /** @param ratio from 0 to 1, exclusive */
  constructor(readonly ratio: number) {
    const limit = Math.floor(ratio * 0xffff_ffff).toString(16).padStart(DIGITS, "0");
    this.#limit = Array.from(limit, (digit) => parseInt(digit, 16));
  }

  /** @param traceId A valid one: it is not checked. */
  shouldSample(_context: unknown, traceId: string): SamplingResult {
    for (let at = 0; at < DIGITS; at++) {
      const digit = digitAt(traceId, at) ^ digitAt(traceId, at + DIGITS) ^ digitAt(traceId, at + 2 * DIGITS) ^
        digitAt(traceId, at + 3 * DIGITS);
      if (digit !== this.#limit[at]) return digit < this.#limit[at] ? SAMPLED : NOT_SAMPLED;
    }
    return NOT_SAMPLED;
  }

  toString(): string {
    return `TraceIdRatioBased{${this.ratio}}`;
  }
}

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57; // letters of either case
}
