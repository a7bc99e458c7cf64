import type { StoredMsg } from "@nats-io/jetstream";
import { removeMessage } from "../client/remove_message.ts";
import { readStored } from "../inspect/read_stored.ts";
import { publishFitting } from "../retry/fit_payload.ts";
import { delayedEventsOf } from "../retry/delayed_events.ts";
import { delayedRetriesOf, isDelayed } from "../retry/retry_stream.ts";
import { copyHeaders, inWindows, type MigrationCluster, onlyOnce, unlessStored } from "./cluster.ts";

/**
 * Moves the delayed retries and delayed events of a function with their times. Resolves to their number.
 *
 * Invariant: each retry is stored before it is deleted. A retry that comes due in between is moved as a waiting event,
 * and that move deletes the copy.
 */
export async function moveDelayed(
  cluster: MigrationCluster,
  functionName: string,
  signal: AbortSignal,
): Promise<number> {
  const { jsm, from } = cluster, { stream } = from.retries;
  return await inWindows(delayed(cluster, functionName), signal, async (message) => {
    await store(cluster, message);
    await removeMessage(jsm, stream, message.seq);
  });
}

async function* delayed({ jsm, from }: MigrationCluster, functionName: string): AsyncIterable<StoredMsg> {
  for (const subjects of [delayedRetriesOf(functionName, from), delayedEventsOf(functionName, from)]) {
    for await (const message of readStored(jsm, from.retries.stream, subjects)) {
      if (isDelayed(message.subject, from)) yield message;
    }
  }
}

async function store({ messages, from, to }: MigrationCluster, message: StoredMsg): Promise<void> {
  const { header, data } = message, hdrs = onlyOnce(copyHeaders(message, ["Nats-Msg-Id", "Nats-Schedule"]));
  hdrs.set("Nats-Schedule-Target", to.subject(from.typeOf(header.get("Nats-Schedule-Target"))));
  const subject = to.subject(from.typeOf(message.subject)), isEncoded = header.get("weir-encoding") !== "";
  // A longer target may leave no room for a payload of nearly `max_payload`.
  const stored = isEncoded ? messages.publish(subject, data, hdrs) : publishFitting(messages, subject, data, hdrs);
  await unlessStored(stored);
}
