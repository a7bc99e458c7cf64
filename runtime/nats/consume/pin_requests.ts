import type { NatsConnection } from "@nats-io/transport-node";
import type { Namespace } from "../../core/namespace.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { JETSTREAM_CODES } from "../client/error_codes.ts";
import { subjectOn } from "../client/subject_prefixes.ts";
import { partitionPrefixes } from "../partitions/nats_partition_store.ts";
import { partitionsIn } from "../topology/partition_changes.ts";
import type { Durable } from "../topology/resources.ts";
import { OrderConsumers, type PinnedFacts } from "./order_consumers.ts";
import { ORDER_GROUP } from "./pin_timing.ts";

/** Longest wait for a consumer's info, in milliseconds. It is asked again. */
const ASK_MS = 2_000;

/** The part of a consumer's info that tells of its pin. */
interface Info {
  readonly error?: { readonly description: string };
  readonly delivered: { readonly consumer_seq: number };
  readonly num_ack_pending: number;
  readonly num_pending: number;
  readonly config: { readonly metadata?: Readonly<Record<string, string>> };
  readonly priority_groups?: readonly { readonly pinned_client_id?: string }[];
}

/** The part of a stream's info that tells what waits in partitions. */
interface StreamAnswer {
  readonly error?: { readonly description: string; readonly err_code: number };
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> };
}

/**
 * Returns the consumers of a function with `order`, or of one of its partitions, by their names on a connection.
 *
 * @param mayTake Returns whether this process may ask for events that it does not receive. Default: always.
 */
export function orderConsumers(
  nc: NatsConnection,
  durables: readonly Durable[],
  names: Namespace,
  mayTake?: () => boolean,
): OrderConsumers {
  const retries = names.retries.stream, { stream } = durables.find((one) => one.stream !== retries)!;
  const subject = (action: string, of: string) => {
    return subjectOn(nc, `$JS.API.CONSUMER.${action}.${of}.${durables.find((one) => one.stream === of)!.consumer}`);
  };
  return new OrderConsumers(stream, retries, systemClock, {
    ask: async (of) => factsOf((await nc.request(subject("INFO", of), "", { timeout: ASK_MS })).json()),
    mayBegin: (main) => mayBegin(nc, durables[0], main, names),
    unpin: (of) => void (nc.isClosed() || nc.publish(subject("UNPIN", of), JSON.stringify({ group: ORDER_GROUP }))),
  }, mayTake);
}

function factsOf({ error, delivered, num_ack_pending, num_pending, priority_groups, config }: Info): PinnedFacts {
  if (error) throw new Error(error.description);
  const pinId = priority_groups?.[0]?.pinned_client_id || undefined, partitions = partitionsIn(config.metadata);
  return { unsettled: num_ack_pending, position: delivered.consumer_seq, pinId, pending: num_pending, partitions };
}

/**
 * Returns whether no event of a function waits in the partitions of a release that has another number of them. Two
 * releases may start at the same time, before either sees the other.
 */
async function mayBegin(
  nc: NatsConnection,
  { functionName, partition, partitions = 0 }: Durable,
  main: PinnedFacts,
  names: Namespace,
): Promise<boolean> {
  if (partition !== undefined || partitions === 0 && !main.partitions) return true;
  for (const [stream, prefix] of partitionPrefixes(functionName, names)) {
    const request = JSON.stringify({ subjects_filter: `${prefix}.>` });
    const info = await nc.request(subjectOn(nc, `$JS.API.STREAM.INFO.${stream}`), request, { timeout: ASK_MS });
    const { error, state } = info.json<StreamAnswer>();
    if (error && error.err_code !== JETSTREAM_CODES.streamNotFound) throw new Error(error.description);
    if (Object.keys(state?.subjects ?? {}).some((subject) => !subject.startsWith(`${prefix}.${partitions}.`))) {
      return false;
    }
  }
  return true;
}
