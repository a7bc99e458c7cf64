import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import { PublishError } from "../../engine/publisher.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import { subjectOn } from "../client/subject_prefixes.ts";
import { removeMessage } from "../client/remove_message.ts";
import { KeyedMoves } from "../dead_letters/keyed_letters.ts";
import { readBatches } from "../inspect/read_batches.ts";
import { scanStream } from "../inspect/scan_stream.ts";
import { IDEMPOTENCY } from "../kv/resources.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { findStream } from "../topology/find.ts";
import { bucketStream } from "../topology/resources.ts";
import { inWindows, MOVED_FROM, withoutNats } from "./move_retries.ts";

interface Stores {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly names: Namespace;
  readonly messages: MessagePublisher;
}

/** Moves the dead letters of a function to its new name, each once. Their chunks stay where they are. */
export async function moveDeadLetters(
  { nc, jsm, names, messages }: Stores,
  from: string,
  to: string,
): Promise<number> {
  const { stream, prefix } = names.deadLetters, moved = new Set<string>(), moves = new KeyedMoves();
  let count = 0;
  for await (const { headers: hdrs } of scanStream(nc, stream, `${prefix}.${to}.>`)) {
    moved.add(hdrs?.get(MOVED_FROM) ?? "");
  }
  const move = async ({ seq, subject, header, data, timestamp }: StoredMsg) => {
    const position = `${stream}.${seq}`, hdrs = withoutNats(header);
    hdrs.set("Nats-Msg-Id", `renamed:${position}:${timestamp}`);
    hdrs.set("weir-function", to);
    hdrs.set(MOVED_FROM, position);
    if (!hdrs.get("weir-letter-time")) hdrs.set("weir-letter-time", new Date(timestamp).toISOString());
    if (!moved.has(position)) {
      await messages.publish(subject.replace(`${prefix}.${from}.`, `${prefix}.${to}.`), data, hdrs);
    }
    await removeMessage(jsm, stream, seq);
    count++;
  };
  for await (const letters of readBatches(jsm, stream, `${prefix}.${from}.>`)) {
    await inWindows(letters, (letter) => moves.run(letter, () => move(letter)));
  }
  return count;
}

/** Moves what an idempotent function has handled to its new name, for the time that is left. */
export async function moveClaims(
  { nc, jsm, names, messages }: Stores,
  from: string,
  to: string,
  nowMs: number,
): Promise<number> {
  const bucket = names.bucket(IDEMPOTENCY.name), stream = bucketStream(bucket), prefix = `$KV.${bucket}`;
  if (!await findStream(jsm, stream)) return 0;
  let count = 0;
  for await (const claims of readBatches(jsm, stream, `${prefix}.${from}.>`)) {
    await inWindows(claims, async ({ subject, header, data, time }) => {
      const leftMs = Number.parseInt(header.get("Nats-TTL")) * 1_000 - (nowMs - time.getTime());
      if (data.length === 0 || leftMs < 1_000) return; // a deleted or an expired claim
      const hdrs = headers();
      hdrs.set("Nats-TTL", `${Math.ceil(leftMs / 1_000)}s`);
      hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
      try {
        const key = subjectOn(nc, subject.replace(`${prefix}.${from}.`, `${prefix}.${to}.`));
        await messages.publish(key, data, hdrs);
      } catch (error) {
        if (!(error instanceof PublishError && isWrongLastSequence(error.jetStreamCode))) throw error; // moved before
      }
      count++;
    });
  }
  await jsm.streams.purge(stream, { filter: `${prefix}.${from}.>` });
  return count;
}
