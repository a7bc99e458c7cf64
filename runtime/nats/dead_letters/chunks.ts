import type { JetStreamManager } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { PublishError } from "../publish/publish_error.ts";

/** Where the parts are that a dead letter was too large to carry itself. No function's name begins like that. */
const PARTS = "_payload";
/** As often as bytes are cut at the most: then it is not their size that is refused. */
const MOST_PARTS = 64;

/** Whether a message of the dead letters' stream is a part, and no dead letter of its own. */
export function isChunk(subject: string): boolean {
  return subject.split(".", 2)[1] === PARTS;
}

/**
 * Stores bytes in two halves, or in more parts where those do not fit either. It is done before the dead letter is
 * stored, which names them: parts without a dead letter are waste, a dead letter without its parts is a loss.
 *
 * @param name tells them from other bytes of the same dead letter
 * @returns their sequences
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
        // One id a delivery: two dead letters of one event never share parts, so that either can be discarded.
        hdrs.set("Nats-Msg-Id", `${functionName}:${messageKey}:${deliveryCount}:${name}:${n}/${count}`);
        const subject = `${prefix}.${PARTS}.${functionName}.${messageKey}.${n}`;
        sequences.push((await publisher.publish(subject, bytes.subarray(n * size, (n + 1) * size), hdrs)).sequence);
      }
      return sequences;
    } catch (error) {
      if (!(error instanceof PublishError && error.code === "too-large") || count === MOST_PARTS) throw error;
    }
  }
}

/** The sequences that a header names; undefined without it. */
export function chunksIn(header: string | undefined): number[] | undefined {
  return header && /^parts( \d+)+$/.test(header) ? header.split(" ").slice(1).map(Number) : undefined;
}

/** Every part that a dead letter has. */
export function allChunks(hdrs: MsgHdrs): number[] {
  return [hdrs.get("weir-payload"), hdrs.get("weir-headers")].flatMap((header) => chunksIn(header) ?? []);
}

/** Puts parts together again. @throws {Error} when one of them is gone. */
export async function readChunks(jsm: JetStreamManager, stream: string, sequences: number[]): Promise<Uint8Array> {
  const parts = await Promise.all(sequences.map(async (seq) => {
    const part = await jsm.streams.getMessage(stream, { seq });
    if (!part) throw new Error(`a part of the dead letter, at ${seq} in ${stream}, is gone: it can only be discarded`);
    return part.data;
  }));
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
