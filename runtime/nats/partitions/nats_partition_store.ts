import type { JetStreamManager } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import type { Partition } from "../../core/partitions.ts";
import type { ParkedEvents } from "../../engine/parked_events.ts";
import type { PartitionStore } from "../../engine/partition_store.ts";
import { ackSubjectText } from "../consume/parse_delivery.ts";
import { ORDER_KEY } from "../dead_letters/dead_letters.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { publishFitting } from "../retry/fit_payload.ts";
import { SOURCE_ACK } from "../retry/original_delivery.ts";
import { retryHeaders } from "../retry/retry_headers.ts";
import { AssignedEvents } from "./assigned_events.ts";
import { ParkedPartition, type PartitionCounts } from "./parked_partition.ts";
import type { UnassignedEvents } from "./unassigned_events.ts";

/** Returns the streams that hold events of a function's partitions, each with the prefix of their subjects. */
export function partitionPrefixes(
  functionName: string,
  { partitions, retries }: Namespace,
): readonly (readonly [stream: string, prefix: string])[] {
  return [
    [partitions.stream, `${partitions.prefix}.${functionName}`],
    [retries.stream, `${retries.partition}.${functionName}`],
  ];
}

/** Prefix of the subjects of a partition's events that have come back by RETRIES. @param of Number of partitions. */
export function returnedSubject(functionName: string, of: number | "*", partition: number, names: Namespace): string {
  return `${names.retries.partition}.${functionName}.${of}.${partition}`;
}

/** Subject of a partition's events. It is the same for all, so that the stream can bound their number. */
export function partitionSubject(functionName: string, of: number, partition: number, names: Namespace): string {
  return `${names.partitions.prefix}.${functionName}.${of}.${partition}`;
}

/**
 * Keeps the events of partitions in the stream ORDER_PARTITIONS, and those that have come back by RETRIES there, since
 * they wait for none of the others. A stored event has its origin and its history in its headers, as a retry has.
 */
export class NatsPartitionStore implements PartitionStore {
  readonly #assigned: AssignedEvents;

  /** @param unassigned Reports failures that last. Default: nothing does. */
  constructor(
    readonly publisher: MessagePublisher,
    jsm: Pick<JetStreamManager, "direct">,
    readonly counts: PartitionCounts,
    readonly names: Namespace,
    readonly unassigned?: Pick<UnassignedEvents, "watch">,
  ) {
    this.#assigned = new AssignedEvents(jsm);
  }

  async store(functionName: string, { index, of }: Partition, delivery: Delivery, isMain: boolean): Promise<void> {
    const subject = isMain
      ? partitionSubject(functionName, of, index, this.names)
      : `${returnedSubject(functionName, of, index, this.names)}.${delivery.deadLetterSequence ?? 0}`;
    const storing = publishFitting(this.publisher, subject, delivery.payload, headersOf(functionName, delivery));
    await (this.unassigned?.watch(functionName, storing) ?? storing);
  }

  has(functionName: string, delivery: Delivery, isMain: boolean): Promise<boolean> {
    const { partitions, retries } = this.names,
      [stream, subject] = isMain
        ? [partitions.stream, `${partitions.prefix}.${functionName}.*.*`]
        : [retries.stream, `${retries.partition}.${functionName}.*.*.${delivery.deadLetterSequence ?? 0}`];
    const reading = this.#assigned.has(stream, subject, messageId(functionName, delivery));
    return this.unassigned?.watch(functionName, reading) ?? reading;
  }

  parkedOf(parked: ParkedEvents, partition: number, partitions: number): ParkedEvents {
    return new ParkedPartition(parked, this.counts, partition, partitions);
  }
}

/** Returns the id of an event in a partition. No other message has the same, however often it is assigned. */
function messageId(functionName: string, { messageKey }: Delivery): string {
  return `partition:${functionName}:${messageKey}`;
}

function headersOf(functionName: string, delivery: Delivery): MsgHdrs {
  const { history, deadLetterSequence, headers, subject } = delivery;
  const hdrs = retryHeaders(functionName, delivery, history), orderKey = headers.get(ORDER_KEY);
  hdrs.set("weir-subject", subject);
  if (deadLetterSequence !== undefined) hdrs.set("weir-dead-letter", String(deadLetterSequence));
  if (orderKey !== undefined) hdrs.set(ORDER_KEY, orderKey);
  if (delivery.ackSubject.length > 0) hdrs.set(SOURCE_ACK, ackSubjectText(delivery.ackSubject));
  hdrs.set("Nats-Msg-Id", messageId(functionName, delivery));
  return hdrs;
}
