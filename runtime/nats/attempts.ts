import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Attempts, Counts } from "../flow/ports.ts";
import type { Delivery } from "../nouns/delivery.ts";

const BUCKET = "weir_attempts";
/** Longer than a retry may take; the entry of an event that is long settled goes by itself. */
const KEPT_MS = 7 * 86_400_000;

/**
 * Keeps the counts in a NATS key-value bucket, so that a restart or another replica counts on. Nothing is read or
 * written for an event that is handled at its first delivery.
 */
export class AttemptStore implements Attempts {
  constructor(readonly kv: Pick<KV, "get" | "put">) {}

  /** Opens the bucket, making it if need be. */
  static async open(nc: NatsConnection, replicas: number): Promise<AttemptStore> {
    const kvm = new Kvm(nc);
    const options = { history: 1, ttl: KEPT_MS, replicas, description: "Weir: attempts of redelivered messages" };
    return new AttemptStore(await kvm.create(BUCKET, options).catch(() => kvm.open(BUCKET)));
  }

  async read(functionName: string, delivery: Delivery): Promise<Counts | undefined> {
    return (await this.kv.get(key(functionName, delivery)))?.json<Counts>();
  }

  async write(functionName: string, delivery: Delivery, counts: Counts): Promise<void> {
    await this.kv.put(key(functionName, delivery), JSON.stringify(counts));
  }
}

function key(functionName: string, { place }: Delivery): string {
  return `${functionName}.${place}`;
}
