import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import type { BatchMessage } from "../publish/atomic_batch.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";

/** Loaded at its first use: a payload that has no room is rare. */
const zlib = () => process.getBuiltinModule("node:zlib");
/** Greatest size of a decompressed payload, in bytes: the largest `max_payload` that NATS allows. */
const MAX_PAYLOAD = { maxOutputLength: 64 * 2 ** 20 };

/**
 * Publishes a message of the retry stream. An event that nearly fills `max_payload` has no room for further headers, so
 * its payload is compressed.
 *
 * @throws {PublishError} when the message is not known to be stored, or is still too large.
 */
export async function publishFitting(
  publisher: MessagePublisher,
  subject: string,
  payload: Uint8Array,
  hdrs: MsgHdrs,
): Promise<PublishResult> {
  try {
    return await publisher.publish(subject, payload, hdrs);
  } catch (error) {
    if (!(error instanceof PublishError && error.code === "too-large")) throw error;
    hdrs.set("weir-encoding", "gzip");
    return await publisher.publish(subject, zlib().gzipSync(payload), hdrs);
  }
}

/** Bytes that the headers of one message may have: JetStream's limit is 64 kB. */
const MAX_HEADER_BYTES = 60_000;
/** Bytes that the headers of a batch and of an encoding add, and the status line. */
const ADDED_BYTES = 250;

/**
 * Returns a message of an atomic batch for the retry stream. Its payload is compressed if it would not fit. Undefined
 * if it does not fit even so.
 */
export function fittingMessage(
  nc: Pick<NatsConnection, "info">,
  subject: string,
  payload: Uint8Array,
  headers: MsgHdrs,
): BatchMessage | undefined {
  const headerBytes = sizeOf(headers), room = (nc.info?.max_payload ?? Infinity) - headerBytes;
  if (headerBytes > MAX_HEADER_BYTES) return undefined;
  if (payload.length <= room) return { subject, payload, headers };
  const compressed = zlib().gzipSync(payload);
  headers.set("weir-encoding", "gzip");
  return compressed.length <= room ? { subject, payload: compressed, headers } : undefined;
}

/** Returns an upper bound of the bytes that headers take on the wire. */
function sizeOf(hdrs: MsgHdrs): number {
  let bytes = ADDED_BYTES;
  for (const [name, values] of hdrs) for (const value of values) bytes += name.length + 3 * value.length + 4;
  return bytes;
}

/** Returns the payload of a message of the retry stream as it was before. */
export function originalPayload({ headers, payload }: Delivery): Uint8Array {
  if (headers.get("weir-encoding") !== "gzip") return payload;
  try {
    return zlib().gunzipSync(payload, MAX_PAYLOAD);
  } catch {
    return payload; // not stored by Weir: it is decoded as it is, and refused
  }
}
