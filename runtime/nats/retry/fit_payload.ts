import { gunzipSync, gzipSync } from "node:zlib";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";

/** Maximum bytes of a payload: the largest `max_payload` that NATS allows. */
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
    return await publisher.publish(subject, gzipSync(payload), hdrs);
  }
}

/** Returns the payload of a message of the retry stream as it was before. */
export function originalPayload({ headers, payload }: Delivery): Uint8Array {
  if (headers.get("weir-encoding") !== "gzip") return payload;
  try {
    return gunzipSync(payload, MAX_PAYLOAD);
  } catch {
    return payload; // not stored by Weir: it is decoded as it is, and refused
  }
}
