import type { JetStreamManager, MsgRequest, StoredMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Counted, countMessages } from "../inspect/count_messages.ts";
import { readBatch } from "../inspect/read_batch.ts";

/**
 * Number of messages that are read from each end of a backlog, and bytes after which a read ends. They keep a plan on a
 * large backlog short.
 */
const EACH_END = 250, MAX_BYTES = 4_000_000;
/** Number of messages that are read from a stream without direct reads. Each takes a request. */
const SINGLY = 50;

type Reader = { readonly nc: Pick<NatsConnection, "request">; readonly jsm: JetStreamManager };

/** Messages of a stream: all of them, or the oldest and the newest. */
export interface Sample {
  readonly messages: readonly StoredMsg[];
  /** Messages in all. Undefined when the server does not say. */
  readonly total: number | undefined;
}

/** Reads the messages of a subject from a sequence on: all of them, or the oldest and the newest 250. */
export async function readSample({ nc, jsm }: Reader, { stream, subject, from = 1 }: Counted): Promise<Sample> {
  const total = await countMessages(nc, { stream, subject, from }).catch(() => undefined);
  if (total === undefined) return await readSingly(jsm, stream, subject, from);
  if (total === 0) return { messages: [], total };
  const read = (seq: number, batch: number) => {
    return readBatch(jsm, stream, { seq, next_by_subj: subject, batch, max_bytes: MAX_BYTES });
  };
  if (total <= 2 * EACH_END) return { messages: await read(from, 2 * EACH_END), total };
  const oldest = await read(from, EACH_END), next = (oldest.at(-1)?.seq ?? from) + 1;
  const newest = await read(await newestFrom({ nc, jsm }, stream, subject, next), EACH_END);
  return { messages: [...oldest, ...newest], total };
}

/** Returns the sequence from which a stream has no more than 250 messages of a subject. The server counts them. */
async function newestFrom({ nc, jsm }: Reader, stream: string, subject: string, first: number): Promise<number> {
  let low = first, high = Math.max(first, (await jsm.streams.info(stream)).state.last_seq);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await countMessages(nc, { stream, subject, from: middle }) > EACH_END) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function readSingly(jsm: JetStreamManager, stream: string, next_by_subj: string, from: number): Promise<Sample> {
  const messages: StoredMsg[] = [];
  for (let seq = from; messages.length < SINGLY;) {
    // The client's type lacks `next_by_subj`.
    const message = await jsm.streams.getMessage(stream, { seq, next_by_subj } as MsgRequest);
    if (!message) return { messages, total: messages.length };
    messages.push(message);
    seq = message.seq + 1;
  }
  return { messages, total: undefined };
}
