import type { MsgHdrs } from "@nats-io/transport-node";
import type { PublishListener, PublishResult } from "../../engine/publisher.ts";
import type { HeaderBlock } from "../client/header_writer.ts";

/** Publishes messages to JetStream and waits for their publish acks. */
export interface MessagePublisher {
  /** @throws {PublishError} when the message is not known to be stored. */
  publish(subject: string, payload: Uint8Array, hdrs: MsgHdrs): Promise<PublishResult>;
}

/**
 * Publishes messages that are text. The messages of a tick leave in one write. Hot path: a callback in place of a
 * promise.
 */
export interface TextPublisher {
  publishText(subject: string, message: TextMessage, listener: PublishListener): void;
}

export interface TextMessage {
  readonly payload: string;
  /**
   * Returns the headers. It is called when the message is sent, so that the headers of thousands of waiting messages
   * take no memory.
   */
  headers(): HeaderBlock;
}
