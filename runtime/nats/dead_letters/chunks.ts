import type { JetStreamManager } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { PublishError } from "../../engine/publisher.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";

/** Subject token of chunks, in the position of the function. No function's name begins with an underscore. */
const CHUNKS = "_payload";
/** Maximum number of chunks. If chunks this small are refused, size is not the problem. */
const MAX_CHUNKS = 64;

/** Returns whether a message of the stream DEAD_LETTERS is a chunk, and not a dead letter. */
export function isChunk(subject: string): boolean {
  return subject.split(".", 2)[1] === CHUNKS;
}

/**
 * Stores bytes as two chunks, or as more where those are too large. Resolves to their sequences.
 *
 * Invariant: chunks are stored before the dead letter that names them. Chunks without a dead letter are waste; a dead
 * letter without its chunks is a loss.
 *
 * @param name Distinguishes these bytes from others of the same dead letter.
 */
export async function storeChunks(
  publisher: MessagePublisher,
  prefix: string,
  functionName: string,
  { messageKey, deliveryCount }: Delivery,
  name: string,
  bytes: Uint8Array,
): Promise<number[]> {
  for (let count = 2;; count *= 2) {
    const size = Math.ceil(bytes.length / count);
    const sequences: number[] = [];
    try {
      for (let n = 0; n * size < bytes.length; n++) {
        const hdrs = headers();
        // The id is unique to a delivery, so two dead letters of one event share no chunks. Each can be discarded
        // without harm to the other.
        hdrs.set("Nats-Msg-Id", `${functionName}:${messageKey}:${deliveryCount}:${name}:${n}/${count}`);
        const subject = `${prefix}.${CHUNKS}.${functionName}.${messageKey}.${n}`;
        sequences.push((await publisher.publish(subject, bytes.subarray(n * size, (n + 1) * size), hdrs)).sequence);
      }
      return sequences;
    } catch (error) {
      if (!(error instanceof PublishError && error.code === "too-large") || count === MAX_CHUNKS) throw error;
    }
  }
}

/** Returns the chunk sequences that a header names; undefined when it names none. */
export function chunksIn(header: string | undefined): number[] | undefined {
  return header && /^parts( \d+)+$/.test(header) ? header.split(" ").slice(1).map(Number) : undefined;
}

export function allChunks(hdrs: MsgHdrs): number[] {
  return [hdrs.get("weir-payload"), hdrs.get("weir-headers")].flatMap((header) => chunksIn(header) ?? []);
}

/** Reads chunks and joins them. @throws {Error} when one of them was deleted. */
export async function readChunks(jsm: JetStreamManager, stream: string, sequences: number[]): Promise<Uint8Array> {
  const chunks = await Promise.all(sequences.map(async (seq) => {
    const chunk = await jsm.streams.getMessage(stream, { seq });
    if (!chunk) throw new Error(`chunk ${seq} of the dead letter was deleted from ${stream}: it can only be discarded`);
    return chunk.data;
  }));
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
