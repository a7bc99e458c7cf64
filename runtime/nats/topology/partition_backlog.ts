import type { JetStreamManager } from "@nats-io/jetstream";
import type { Namespace } from "../../core/namespace.ts";
import type { Partition } from "../../core/partitions.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { unlessMissing } from "./find.ts";

/** The events that wait in a partition of a function, or run there. Those that came back by RETRIES are not counted. */
export interface PartitionBacklog extends Partition {
  readonly events: number;
}

/** Reads the backlogs of a function's partitions, whatever number of them each release has. Empty ones are left out. */
export async function readPartitionBacklogs(
  jsm: JetStreamManager,
  functionName: string,
  { partitions: { stream, prefix } }: Namespace,
): Promise<PartitionBacklog[]> {
  const subjects = `${prefix}.${functionName}.`, asked = jsm.streams.info(stream, { subjects_filter: `${subjects}>` });
  const info = await unlessMissing(asked, JETSTREAM_CODES.streamNotFound);
  return Object.entries(info?.state.subjects ?? {}).map(([subject, events]) => {
    const [of, index] = subject.slice(subjects.length).split(".").map(Number);
    return { of, index, events };
  });
}
