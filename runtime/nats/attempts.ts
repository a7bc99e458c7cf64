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
  /** @param isParked whether an event waits in the retry lane */
  constructor(
    readonly kv: Pick<KV, "get" | "put">,
    readonly isParked: (functionName: string, delivery: Delivery) => Promise<boolean> = () => Promise.resolve(false),
  ) {}

  /** Opens the bucket, making it if need be. */
  static async open(
    nc: NatsConnection,
    replicas: number,
    isParked?: AttemptStore["isParked"],
  ): Promise<AttemptStore> {
    const kvm = new Kvm(nc);
    const options = { history: 1, ttl: KEPT_MS, replicas, description: "Weir: attempts of redelivered messages" };
    return new AttemptStore(await kvm.create(BUCKET, options).catch(() => kvm.open(BUCKET)), isParked);
  }

  async read(functionName: string, delivery: Delivery): Promise<Counts | undefined> {
    const known = (await this.kv.get(key(functionName, delivery)))?.json<Counts>();
    // A process may have died between parking an event and taking it from its consumer. Where that wrote down
    // anything at all, it did so before; and parked, an event comes back with what it has used up.
    const parked = await this.isParked(functionName, delivery);
    return parked ? { begun: 0, free: 0, emitted: true, ...known, parked } : known;
  }

  async write(functionName: string, delivery: Delivery, counts: Counts): Promise<void> {
    await this.kv.put(key(functionName, delivery), JSON.stringify(counts));
  }
}

function key(functionName: string, { place }: Delivery): string {
  return `${functionName}.${place}`;
}
