import type { JetStreamManager, MsgRequest } from "@nats-io/jetstream";

/**
 * When the oldest event that a function has not settled was stored, in seconds since 1970, as the server itself has it:
 * the first message of its subjects past the acknowledgement floor of each of its consumers.
 *
 * @throws {Error} when nothing waits.
 */
export async function oldestWaitingS(jsm: JetStreamManager, functionName: string): Promise<number> {
  const times: number[] = [];
  for await (const stream of jsm.streams.names()) {
    const info = await jsm.consumers.info(stream, functionName).catch(() => undefined);
    if (!info || info.num_pending + info.num_ack_pending === 0) continue;
    const subjects = info.config.filter_subjects ?? [info.config.filter_subject ?? ">"];
    for (const next_by_subj of subjects) {
      const next = { seq: info.ack_floor.stream_seq + 1, next_by_subj } as MsgRequest; // which the client's type lacks
      const message = await jsm.streams.getMessage(stream, next);
      if (message) times.push(message.time.getTime() / 1_000);
    }
  }
  if (times.length === 0) throw new Error(`nothing waits for ${functionName}`);
  return Math.min(...times);
}
