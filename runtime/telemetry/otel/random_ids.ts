const WORDS = new Uint32Array(4);
const TRACE_ID = new Uint8Array(WORDS.buffer), SPAN_ID = TRACE_ID.subarray(0, 8);

/** Sixteen hex digits, not all of them 0. Ids need to be unlikely to meet, not hard to guess. */
export function randomSpanId(): string {
  fill(2);
  return SPAN_ID.toHex();
}

/** Thirty-two of them. */
export function randomTraceId(): string {
  fill(4);
  return TRACE_ID.toHex();
}

function fill(count: number): void {
  WORDS[0] = 1 + Math.random() * 0xffff_ffff;
  for (let i = 1; i < count; i++) WORDS[i] = Math.random() * 0x1_0000_0000;
}
