import assert from "node:assert/strict";
import zlib from "node:zlib";
import fc from "fast-check";
import { ZstdFrames } from "../../runtime/http/zstd_frames.ts";

const { ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag, ZSTD_c_windowLog } = zlib.constants;

/** Data that compresses well, badly or to runs of one byte, each in a frame of its own. */
const frame = fc.tuple(
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.integer({ min: 0, max: 400_000 }).map((length) => new Uint8Array(length).fill(32)),
    fc.string({ maxLength: 300 }).map((text) => new TextEncoder().encode(text.repeat(9))),
  ),
  fc.record({
    [ZSTD_c_checksumFlag]: fc.integer({ min: 0, max: 1 }),
    [ZSTD_c_contentSizeFlag]: fc.integer({ min: 0, max: 1 }),
    [ZSTD_c_windowLog]: fc.integer({ min: 10, max: 23 }),
  }),
).map(([data, params]) => ({ data, bytes: new Uint8Array(zlib.zstdCompressSync(data, { params })) }));

/** Returns the bytes of each frame that is found in a body, given in chunks of some size. */
function framesOf(body: Uint8Array, size: number): number[] {
  const frames = new ZstdFrames(), found: number[][] = [];
  for (let at = 0; at < body.length; at += size) {
    for (const piece of frames.split(body.subarray(at, at + size))) {
      const isStart = piece.length === 4 && piece[0] === 0x28 && piece[1] === 0xb5 && piece[3] === 0xfd;
      if (isStart) found.push([]);
      found.at(-1)!.push(...piece);
    }
  }
  frames.end();
  return found.map(({ length }) => length);
}

Deno.test("ZstdFrames.split finds the frames that a compressor made, in chunks of any size", () => {
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.integer({ min: 5, max: 900 }), (frames, size) => {
      const body = new Uint8Array(frames.flatMap(({ bytes }) => [...bytes]));
      assert.deepEqual(framesOf(body, size), frames.map(({ bytes }) => bytes.length));
    }),
  );
});

Deno.test("ZstdFrames.end refuses each body that is cut, and each that has more bytes", () => {
  fc.assert(fc.property(frame, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), ({ bytes }, share) => {
    const cut = bytes.subarray(0, Math.floor(bytes.length * share));
    assert.throws(() => framesOf(cut, 64), /ended early/);
    assert.throws(() => framesOf(new Uint8Array([...bytes, 0x28]), 64), /ended early/);
    assert.throws(() => framesOf(new Uint8Array([...bytes, 1, 2, 3, 4]), 64), /no frame/);
  }));
});
