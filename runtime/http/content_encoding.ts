import type { Readable } from "node:stream";
import { setImmediate } from "node:timers";
import { Problem } from "./problem.ts";

type Coding = "gzip" | "zstd";

/** The content codings that are read, and how a problem names them. */
const CODINGS: Readonly<Record<Coding, string>> = {
  gzip: "gzip",
  zstd: "zstd with a window of 8 MiB or less and without a dictionary",
};
/** Binary logarithm of the largest window of Zstandard over HTTP (RFC 9659). */
const ZSTD_WINDOW_LOG = 23;

/** Returns the coding of a body; undefined if it is not encoded. @throws {Problem} 415 for a coding that is not known */
export function codingOf({ headers }: Request): Coding | undefined {
  const header = headers.get("content-encoding");
  if (header === null) return undefined;
  const name = header.trim().toLowerCase();
  if (name === "identity" || name === "") return undefined;
  if (Object.hasOwn(CODINGS, name)) return name as Coding;
  const detail = `the body is encoded as ${header}: send gzip, zstd, or as it is`;
  throw new Problem("unsupported-media-type", detail, { headers: { "accept-encoding": "gzip, zstd" } });
}

/** Returns why a body cannot be read: its end did not arrive, or its coding is not what the caller says. */
export function unreadable(request: Request): string {
  const coding = codingOf(request);
  return coding ? `the body ended early, or is not ${CODINGS[coding]}` : "the body ended early";
}

/**
 * Returns the body of a request as it was before it was encoded, or null without one. The decoder waits until what it
 * has unpacked is read. `DecompressionStream` would unpack each chunk whole: 300 KB may become 300 MB. If its reader
 * cancels, the body is cancelled too. Deno ends a read that waits for the caller only with the connection.
 */
export function decodedBody(request: Request): ReadableStream<Uint8Array> | null {
  const { body } = request, coding = codingOf(request);
  if (!body || !coding) return body;
  // Loaded at the first body that is encoded.
  const { pipeline, Readable } = process.getBuiltinModule("node:stream");
  const zlib = process.getBuiltinModule("node:zlib"), encoded = Readable.fromWeb(body as never);
  const decoder = coding === "gzip"
    ? zlib.createGunzip()
    : zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } });
  // An error reaches the reader by the decoder.
  if (coding === "gzip") pipeline(encoded, decoder, () => {});
  else pipeline(encoded, wholeFrames, decoder, () => {});
  return inTurns(decoder, () => {
    decoder.destroy(); // also while it waits for a chunk
    encoded.destroy(); // the decoder does not end it while `wholeFrames` waits for a chunk
  });
}

/** Returns a body of Zstandard in pieces that the decoder can read. @throws {Error} when it is not whole */
async function* wholeFrames(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { ZstdFrames } = await import("./zstd_frames.ts"), frames = new ZstdFrames();
  for await (const chunk of body) yield* frames.split(chunk);
  frames.end();
}

/**
 * Returns the chunks of a decoder, each in a turn of the event loop of its own. What is unpacked needs no I/O: without a
 * pause no other request and no timer would run until the end of the body. Deno's `Readable.toWeb` throws outside of any
 * handler if the reader cancels while a chunk is on its way.
 */
function inTurns(decoder: Readable, cancel: () => void): ReadableStream<Uint8Array> {
  const chunks = decoder[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await chunks.next();
      if (done) return controller.close();
      controller.enqueue(value);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    cancel,
  }, { highWaterMark: 0 });
}
