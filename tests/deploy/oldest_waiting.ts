import type { JetStreamManager, MsgRequest } from "@nats-io/jetstream";

/**
 * Returns the time, in seconds since 1970, at which the oldest event that a function has not settled was stored. It
 * reads the first message after the ack floor of each of its consumers from the server.
 *
 * @throws {Error} If no event waits.
 */
export async function oldestWaitingS(jsm: JetStreamManager, functionName: string): Promise<number> {
  const times: number[] = [];
  for await (const stream of jsm.streams.names()) {
    const info = await jsm.consumers.info(stream, functionName).catch(() => undefined);
    if (!info || info.num_pending + info.num_ack_pending === 0) continue;
    const subjects = info.config.filter_subjects ?? [info.config.filter_subject ?? ">"];
    for (const next_by_subj of subjects) {
      const next = { seq: info.ack_floor.stream_seq + 1, next_by_subj } as MsgRequest; // next_by_subj is missing in the client's type
      const message = await jsm.streams.getMessage(stream, next);
      if (message) times.push(message.time.getTime() / 1_000);
    }
  }
  if (times.length === 0) throw new Error(`nothing waits for ${functionName}`);
  return Math.min(...times);
}
