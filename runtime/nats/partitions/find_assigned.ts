import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import { readBatch } from "../inspect/read_batch.ts";
import { readBatches } from "../inspect/read_batches.ts";

/** Greatest number of messages that are searched. If there are more, it is not known whether the event is among them. */
const SEARCHED = { batch: 200, max_bytes: 1_000_000 };

/** An event by the position at which its own stream stored it. */
interface Position {
  readonly stream: string;
  readonly sequence: number;
}

/**
 * Returns whether an event may wait in a partition of a function, or run there. Also true if that is not known.
 *
 * @param event The event, and the time at which it was stored, in milliseconds since 1970.
 */
export async function mayBeAssigned(
  jsm: Pick<JetStreamManager, "direct">,
  functionName: string,
  event: Position & { readonly storedAtMs: number },
  names: Namespace,
): Promise<boolean> {
  const start_time = new Date(event.storedAtMs);
  for (const [stream, next_by_subj] of placesOf(functionName, names)) {
    const messages = await readBatch(jsm, stream, { start_time, next_by_subj, ...SEARCHED });
    const bytes = messages.reduce((total, { data }) => total + data.length, 0);
    if (messages.some((message) => isOf(message, event))) return true;
    if (messages.length === SEARCHED.batch || bytes >= SEARCHED.max_bytes / 2) return true;
  }
  return false;
}

/** Returns whether an event waits in a partition of a function, or runs there. Reads all that is there. */
export async function isAssigned(
  jsm: Pick<JetStreamManager, "direct">,
  functionName: string,
  event: Position,
  names: Namespace,
): Promise<boolean> {
  for (const [stream, subject] of placesOf(functionName, names)) {
    for await (const messages of readBatches(jsm, stream, subject)) {
      if (messages.some((message) => isOf(message, event))) return true;
    }
  }
  return false;
}

/** Returns the streams with the events of a function's partitions, and their subjects there. */
function placesOf(functionName: string, { partitions, retries }: Namespace): [stream: string, subject: string][] {
  return [
    [partitions.stream, `${partitions.prefix}.${functionName}.*.*`],
    [retries.stream, `${retries.partition}.${functionName}.>`],
  ];
}

function isOf({ header }: StoredMsg, { stream, sequence }: Position): boolean {
  return header.get("weir-stream") === stream && header.get("weir-sequence") === String(sequence);
}
