const WORDS = new Uint32Array(4);
const TRACE_ID = new Uint8Array(WORDS.buffer), SPAN_ID = TRACE_ID.subarray(0, 8);

/** Returns a span id: 16 hex digits, not all 0. Ids must be unique, not unpredictable, so `Math.random` suffices. */
export function randomSpanId(): string {
  fill(2);
  return SPAN_ID.toHex();
}

export function randomTraceId(): string {
  fill(4);
  return TRACE_ID.toHex();
}

/** Fills the first words. The first one is at least 1, so that no id is all zeros. */
function fill(count: number): void {
  WORDS[0] = 1 + Math.random() * 0xffff_ffff;
  for (let i = 1; i < count; i++) WORDS[i] = Math.random() * 0x1_0000_0000;
}
