import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { JETSTREAM_CODES } from "./error_codes.ts";

export interface Remover {
  readonly streams: Pick<JetStreamManager["streams"], "getMessage" | "deleteMessage">;
}

/** Deletes one message of a stream. Resolves to false when there was none. */
export async function removeMessage(jsm: Remover, stream: string, sequence: number): Promise<boolean> {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, false);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    const { code } = error;
    if (code === JETSTREAM_CODES.sequenceNotFound || code === JETSTREAM_CODES.streamNotFound) return false;
    // The server has one code for everything that a deletion can fail with, a missing message among it.
    if (code !== JETSTREAM_CODES.streamMsgDeleteFailed) throw error;
    if (await jsm.streams.getMessage(stream, { seq: sequence })) throw error;
    return false;
  }
}
