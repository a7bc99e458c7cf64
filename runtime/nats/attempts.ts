import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Attempts } from "../flow/ports.ts";
import type { Delivery } from "../nouns/delivery.ts";

const BUCKET = "weir_attempts";
/** Longer than a retry may take; the entry of an event that is long settled goes by itself. */
const KEPT_MS = 7 * 86_400_000;

/**
 * Counts the deliveries that used no attempt: given back at shutdown, refused by a breaker, and so on. It is kept
 * in a NATS key-value bucket, so that a restart or another replica counts on. Nothing is written for an event that
 * is handled, retried or dead-lettered as usual.
 */
export class FreeRetries implements Attempts {
  private constructor(readonly kv: KV) {}

  /** Opens the bucket, making it if need be. */
  static async open(nc: NatsConnection, replicas: number): Promise<FreeRetries> {
    const kvm = new Kvm(nc);
    const options = {
      history: 1,
      ttl: KEPT_MS,
      replicas,
      description: "Weir: deliveries that used no attempt",
    };
    return new FreeRetries(await kvm.create(BUCKET, options).catch(() => kvm.open(BUCKET)));
  }

  async freeRetries(functionName: string, delivery: Delivery): Promise<number> {
    return Number((await this.kv.get(key(functionName, delivery)))?.string() ?? 0);
  }

  /** Adds one. Only the holder of the delivery writes its key, so nobody is in between. */
  async add(functionName: string, delivery: Delivery): Promise<void> {
    const before = delivery.deliveryCount === 1 ? 0 : await this.freeRetries(functionName, delivery);
    await this.kv.put(key(functionName, delivery), String(before + 1));
  }
}

function key(functionName: string, { place }: Delivery): string {
  return `${functionName}.${place}`;
}
