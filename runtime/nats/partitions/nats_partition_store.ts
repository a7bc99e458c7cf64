import type { MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import type { ParkedEvents } from "../../engine/parked_events.ts";
import type { PartitionStore } from "../../engine/partition_store.ts";
import { ORDER_KEY } from "../dead_letters/dead_letters.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "../retry/fit_payload.ts";
import { retryHeaders } from "../retry/retry_headers.ts";
import { ParkedPartition, type PartitionCounts } from "./parked_partition.ts";

/** Prefix of the subjects of a partition's events that have come back by RETRIES. */
export function returnedSubject(functionName: string, partition: number, { retries }: Namespace): string {
  return `${retries.partition}.${functionName}.${partition}`;
}

/** Subject of a partition's events. It is the same for all, so that the stream can bound their number. */
export function partitionSubject(functionName: string, partition: number, { partitions }: Namespace): string {
  return `${partitions.prefix}.${functionName}.${partition}`;
}

/**
 * Keeps the events of partitions in the stream ORDER_PARTITIONS, and those that have come back by RETRIES there, since
 * they wait for none of the others. A stored event has its origin and its history in its headers, as a retry has.
 */
export class NatsPartitionStore implements PartitionStore {
  constructor(readonly publisher: MessagePublisher, readonly counts: PartitionCounts, readonly names: Namespace) {}

  async store(functionName: string, partition: number, delivery: Delivery, isMain: boolean): Promise<void> {
    const subject = isMain
      ? partitionSubject(functionName, partition, this.names)
      : `${returnedSubject(functionName, partition, this.names)}.${delivery.deadLetterSequence ?? 0}`;
    await publishFitting(this.publisher, subject, delivery.payload, headersOf(functionName, delivery));
  }

  parkedOf(parked: ParkedEvents, partition: number, partitions: number): ParkedEvents {
    return new ParkedPartition(parked, this.counts, partition, partitions);
  }
}

function headersOf(functionName: string, delivery: Delivery): MsgHdrs {
  const { history, deadLetterSequence, headers, subject } = delivery;
  const hdrs = retryHeaders(functionName, delivery, history), orderKey = headers.get(ORDER_KEY);
  hdrs.set("weir-subject", subject);
  if (deadLetterSequence !== undefined) hdrs.set("weir-dead-letter", String(deadLetterSequence));
  if (orderKey !== undefined) hdrs.set(ORDER_KEY, orderKey);
  hdrs.set("Nats-Msg-Id", `partition:${functionName}:${delivery.messageKey}`);
  return hdrs;
}
