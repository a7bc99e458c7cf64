import type { JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { readBatch } from "../inspect/read_batch.ts";

/** Greatest number of messages that are searched. If there are more, it is not known whether the event is among them. */
const SEARCHED = { batch: 200, max_bytes: 1_000_000 };

/**
 * Returns whether an event may wait in a partition of a function, or run there. Also true if that is not known.
 *
 * @param event Its stream, its sequence there, and the time at which it was stored, in milliseconds since 1970.
 */
export async function mayBeAssigned(
  jsm: Pick<JetStreamManager, "direct">,
  functionName: string,
  event: { readonly stream: string; readonly sequence: number; readonly storedAtMs: number },
  { partitions, retries }: Namespace,
): Promise<boolean> {
  const start_time = new Date(event.storedAtMs);
  for (
    const [stream, next_by_subj] of [
      [partitions.stream, `${partitions.prefix}.${functionName}.*.*`],
      [retries.stream, `${retries.partition}.${functionName}.>`],
    ]
  ) {
    const messages = await readBatch(jsm, stream, { start_time, next_by_subj, ...SEARCHED });
    const isOf = messages.some(({ header }) =>
      header.get("weir-stream") === event.stream && header.get("weir-sequence") === String(event.sequence)
    );
    const bytes = messages.reduce((total, { data }) => total + data.length, 0);
    if (isOf || messages.length === SEARCHED.batch || bytes >= SEARCHED.max_bytes / 2) return true;
  }
  return false;
}
