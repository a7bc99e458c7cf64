/** Frames of one body at the most: each costs the decoder some microseconds, and nine bytes make one. */
const MAX_FRAMES = 1_000;
const MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), MAGIC_NUMBER = 0xfd2fb528;
const SKIPPABLE_NUMBER = 0x184d2a50;

/** A part of a frame (RFC 8878), or of a skippable frame. */
type Part = "magic" | "descriptor" | "header" | "block header" | "block" | "checksum" | "skipped length" | "skipped";

/** Parts whose bytes are a number, the lowest byte first. */
const NUMBERS = new Set<Part>(["magic", "descriptor", "block header", "skipped length"]);

/**
 * Divides a body of Zstandard into its frames and knows when it is whole. Deno's decoder alone takes a body that was cut
 * for a whole one, and ignores what follows the first frame in a chunk.
 */
export class ZstdFrames {
  #part: Part = "magic";
  /** Bytes of the part that have not come. */
  #left = 4;
  #number = 0;
  /** Value of the next byte's lowest bit in the number. */
  #place = 1;
  #hasChecksum = false;
  #isLastBlock = false;
  #count = 0;

  /** Returns the pieces of the next chunk, none of which goes past the end of a frame. @throws {Error} if it is no frame */
  split(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let at = 0, from: number | undefined = this.#isInFrame() ? 0 : undefined;
    while (at < chunk.length) {
      const end = Math.min(chunk.length, at + this.#left);
      this.#left -= end - at;
      if (NUMBERS.has(this.#part)) this.#read(chunk.subarray(at, end));
      at = end;
      while (this.#left === 0) this.#enterNext();
      if (from === undefined && this.#part === "descriptor") {
        pieces.push(MAGIC); // it may have come in two chunks
        from = at;
      } else if (from !== undefined && !this.#isInFrame()) {
        pieces.push(chunk.subarray(from, at));
        from = undefined;
      }
    }
    if (from !== undefined && from < at) pieces.push(chunk.subarray(from, at));
    return pieces;
  }

  /** Ends the body. @throws {Error} if it ends within a frame, or has none */
  end(): void {
    if (this.#count === 0 || this.#part !== "magic" || this.#left < 4) throw new Error("the body ended early");
  }

  #isInFrame(): boolean {
    return this.#part !== "magic" && this.#part !== "skipped length" && this.#part !== "skipped";
  }

  #read(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#number += byte * this.#place;
      this.#place *= 256;
    }
  }

  #enterNext(): void {
    const number = this.#number;
    if (this.#part === "magic") this.#enterFrame(number);
    else if (this.#part === "skipped length") this.#enter("skipped", number);
    else if (this.#part === "descriptor") this.#enterHeader(number);
    else if (this.#part === "block header") this.#enterBlock(number);
    else if (this.#part === "header" || (this.#part === "block" && !this.#isLastBlock)) this.#enter("block header", 3);
    else if (this.#part === "block" && this.#hasChecksum) this.#enter("checksum", 4);
    else this.#enter("magic", 4);
  }

  #enter(part: Part, bytes: number): void {
    this.#part = part;
    this.#left = bytes;
    this.#number = 0;
    this.#place = 1;
  }

  #enterFrame(magic: number): void {
    if (magic - magic % 16 === SKIPPABLE_NUMBER) return this.#enter("skipped length", 4);
    if (magic !== MAGIC_NUMBER) throw new Error("the body has bytes that are no frame");
    if (++this.#count > MAX_FRAMES) throw new Error(`the body has more than ${MAX_FRAMES} frames`);
    this.#enter("descriptor", 1);
  }

  #enterHeader(descriptor: number): void {
    const isSingleSegment = (descriptor & 32) > 0, sizeFlag = descriptor >> 6;
    this.#hasChecksum = (descriptor & 4) > 0;
    const window = isSingleSegment ? 0 : 1, dictionary = [0, 1, 2, 4][descriptor & 3];
    const contentSize = sizeFlag === 0 ? 1 - window : 2 ** sizeFlag;
    this.#enter("header", window + dictionary + contentSize);
  }

  #enterBlock(header: number): void {
    const type = header >> 1 & 3, isRepeatedByte = type === 1;
    if (type === 3) throw new Error("the body has a block of an unknown type");
    this.#isLastBlock = (header & 1) > 0;
    this.#enter("block", isRepeatedByte ? 1 : header >> 3);
  }
}
