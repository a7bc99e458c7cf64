import { setImmediate } from "node:timers";
import { Problem } from "./problem.ts";

/**
 * The one content coding that is read. Zstandard is not: Deno 2.9 ends a body that was cut as if it were whole, and drops
 * every frame after the first.
 */
const GZIP = "gzip";

/** Returns whether a body is encoded. @throws {Problem} 415 for a coding that is not known */
export function isEncoded({ headers }: Request): boolean {
  const header = headers.get("content-encoding");
  if (header === null) return false;
  const name = header.trim().toLowerCase();
  if (name === GZIP || name === "identity" || name === "") return name === GZIP;
  const detail = `the body is encoded as ${header}: send ${GZIP}, or as it is`;
  throw new Problem("unsupported-media-type", detail, { headers: { "accept-encoding": GZIP } });
}

/**
 * Returns the body of a request as it was before it was encoded, or null without one. The decoder waits until what it
 * has unpacked is read. `DecompressionStream` would unpack each chunk whole: 300 KB may become 300 MB.
 */
export function decodedBody(request: Request): ReadableStream<Uint8Array> | null {
  const { body } = request;
  if (!body || !isEncoded(request)) return body;
  // Loaded at the first body that is encoded.
  const { pipeline, Readable } = process.getBuiltinModule("node:stream");
  const decoder = process.getBuiltinModule("node:zlib").createGunzip();
  // An error reaches the reader by the decoder, and a reader that cancels ends the body.
  pipeline(Readable.fromWeb(body as never), decoder, () => {});
  return inTurns(Readable.toWeb(decoder) as ReadableStream<Uint8Array>);
}

/**
 * Returns the chunks of a stream, each in a turn of the event loop of its own. What is unpacked needs no I/O: without a
 * pause no other request and no timer would run until the end of the body.
 */
function inTurns(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(value);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
