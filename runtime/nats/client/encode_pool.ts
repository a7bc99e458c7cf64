const SLAB_BYTES = 65_536;
/** The most bytes that one UTF-16 unit becomes in UTF-8. */
const BYTES_A_UNIT = 3;
const UTF8 = new TextEncoder();

let slab = new Uint8Array(SLAB_BYTES), used = 0;

/**
 * Text as UTF-8, beside other text in one piece of memory, where it is short. An array for each, as the encoder makes
 * them, is memory outside of the heap: to get it and to have it collected is half of the time that publishing takes.
 * The price: a piece is kept as long as any of what is in it.
 */
export function encode(text: string): Uint8Array {
  const most = text.length * BYTES_A_UNIT;
  if (most > SLAB_BYTES / 4) return UTF8.encode(text);
  if (most > SLAB_BYTES - used) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  const from = used;
  used += UTF8.encodeInto(text, slab.subarray(from)).written;
  return slab.subarray(from, used);
}
