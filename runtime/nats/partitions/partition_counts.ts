import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import { ORDER_KEY } from "../dead_letters/dead_letters.ts";
import { countMessages } from "../inspect/count_messages.ts";
import { readStored } from "../inspect/read_stored.ts";
import { returnedSubject } from "./nats_partition_store.ts";
import type { PartitionCounts } from "./parked_partition.ts";

/** Reads what has come back to partitions from the stream RETRIES, where it waits. */
export class NatsPartitionCounts implements PartitionCounts {
  constructor(readonly nc: NatsConnection, readonly jsm: JetStreamManager, readonly names: Namespace) {}

  returned(functionName: string, partition: number): Promise<number> {
    const subject = `${returnedSubject(functionName, "*", partition, this.names)}.*`;
    return countMessages(this.nc, { stream: this.names.retries.stream, subject });
  }

  async returnedKeys(functionName: string, partition: number): Promise<ReadonlyMap<string, number>> {
    const filter = `${returnedSubject(functionName, "*", partition, this.names)}.*`, keys = new Map<string, number>();
    for await (const { subject, header } of readStored(this.jsm, this.names.retries.stream, filter)) {
      const key = header.get(ORDER_KEY);
      if (key) keys.set(key, Number(subject.split(".").at(-1)));
    }
    return keys;
  }
}
