import { ORDER_KEY } from "../../runtime/nats/dead_letters/dead_letters.ts";
import type { PartitionCounts } from "../../runtime/nats/partitions/parked_partition.ts";
import { covers } from "../../runtime/core/subjects.ts";
import { FUNCTION } from "./compose.ts";
import type { ConsumerOptions } from "./consumer_model.ts";
import { headerOf, type StoredMessage } from "./model.ts";
import type { SimConnection } from "./sim_connection.ts";

/** Returns the name of the consumer of a partition, or of the whole function. */
export function consumerName(partition: number | undefined): string {
  return partition === undefined ? FUNCTION : `${FUNCTION}@${partition}`;
}

/** Returns a key of the consumer of a partition on a stream, or of the function's own. */
export function consumerKey(stream: string, partition: number | undefined): string {
  return partition === undefined ? stream : `${stream}@${partition}`;
}

/** Returns the key of the consumer that an ack subject is for. */
export function consumerKeyIn(ackSubject: string): string {
  const [, , stream, consumer] = ackSubject.split("."), [, partition] = consumer.split("@");
  return consumerKey(stream, partition === undefined ? undefined : Number(partition));
}

/** Returns the consumers of a partition, by their streams. */
export function partitionFilters(of: number, partition: number): Readonly<Record<string, ConsumerOptions["filters"]>> {
  return {
    ORDER_PARTITIONS: [`order_partitions.${FUNCTION}.${of}.${partition}`],
    RETRIES: [`retries.partition.${FUNCTION}.${of}.${partition}.*`],
  };
}

/** Reads what has come back to partitions from the model, as `NatsPartitionCounts` does. */
export class SimPartitionCounts implements PartitionCounts {
  constructor(readonly connection: SimConnection) {}

  async returned(_name: string, partition: number): Promise<number> {
    return (await this.#returned("count", partition)).length;
  }

  async returnedKeys(_name: string, partition: number): Promise<ReadonlyMap<string, number>> {
    const keys = new Map<string, number>();
    for (const { subject, headers } of await this.#returned("load", partition)) {
      const key = headerOf(headers, ORDER_KEY);
      if (key) keys.set(key, Number(subject.split(".").at(-1)));
    }
    return keys;
  }

  #returned(what: string, partition: number): Promise<StoredMessage[]> {
    const filter = `retries.partition.${FUNCTION}.*.${partition}.*`;
    return this.connection.ask(`${what} returned to ${partition}`, () => {
      return this.connection.network.model.messages("RETRIES").filter(({ subject }) => covers(filter, subject));
    });
  }
}
