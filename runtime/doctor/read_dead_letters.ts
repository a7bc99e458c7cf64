import type { JetStreamManager, MsgRequest } from "@nats-io/jetstream";
import { isChunk } from "../nats/dead_letters/chunks.ts";
import { DEAD_LETTERS } from "../nats/dead_letters/dead_letters.ts";
import { unlessMissing } from "../nats/topology/find.ts";
import type { WaitingLetters } from "./facts.ts";
import { JETSTREAM_CODES } from "../nats/client/error_codes.ts";

/** The reason is in a letter's headers: of so many it is read. */
const MOST_READ = 100;

/** Counts dead letters. Without a consumer of its own, which would be one more in the cluster for a while. */
export async function readLetters(jsm: JetStreamManager): Promise<WaitingLetters> {
  const { stream } = DEAD_LETTERS;
  const none = { count: 0, oldestAt: undefined, read: 0, reasons: {} };
  const info = await unlessMissing(jsm.streams.info(stream), JETSTREAM_CODES.streamNotFound);
  if (!info || info.state.messages === 0) return none;
  const subjects_filter = DEAD_LETTERS.subjects[0];
  const subjects = (await jsm.streams.info(stream, { subjects_filter })).state.subjects ?? {};
  const count = Object.entries(subjects).reduce((sum, [subject, n]) => isChunk(subject) ? sum : sum + n, 0);
  const reasons: Record<string, number> = {};
  let oldestAt: string | undefined, read = 0;
  for (let seq = 1, looked = 0; looked < MOST_READ && read < count; looked++) {
    // The server takes it; the client's type lacks it.
    const which = { seq, next_by_subj: subjects_filter } as MsgRequest;
    const message = await jsm.streams.getMessage(stream, which);
    if (!message) break;
    seq = message.seq + 1;
    if (isChunk(message.subject)) continue;
    const reason = message.header.get("weir-reason") || "without a reason";
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    oldestAt ??= message.header.get("weir-time") || message.time.toISOString();
    read++;
  }
  return { count, oldestAt, read, reasons };
}
