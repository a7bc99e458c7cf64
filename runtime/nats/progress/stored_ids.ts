import { headers } from "@nats-io/transport-node";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { messageId } from "../publish/event_publisher.ts";

/**
 * No value of `Nats-Rollup`. JetStream compares the id of a message first and then refuses the value: it answers with
 * the sequence of the stored event, or with the refusal, and stores nothing.
 */
const REFUSED_ROLLUP = "look-up";
const NO_PAYLOAD = new Uint8Array();

/** Finds an event by its id in the duplicate window of its stream, which is the only index of ids that JetStream has. */
export class StoredIds {
  constructor(readonly publisher: MessagePublisher) {}

  /**
   * @param subject Any subject of the stream to search.
   * @returns Undefined if the stream does not remember the id.
   * @throws {PublishError} when JetStream does not answer.
   */
  async find(subject: string, event: { readonly source: string; readonly id: string }): Promise<
    Pick<PublishResult, "stream" | "sequence"> | undefined
  > {
    const hdrs = headers();
    hdrs.set("Nats-Msg-Id", messageId(event));
    hdrs.set("Nats-Rollup", REFUSED_ROLLUP);
    try {
      return await this.publisher.publish(subject, NO_PAYLOAD, hdrs);
    } catch (error) {
      if (error instanceof PublishError && error.jetStreamCode === JETSTREAM_CODES.streamRollupFailed) return undefined;
      throw error;
    }
  }
}
