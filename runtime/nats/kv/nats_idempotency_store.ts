import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { type Namespace, NO_NAMESPACE } from "../../core/namespace.ts";
import type { Claim, ClaimResult, IdempotencyStore } from "../../engine/idempotency_store.ts";
import { PublishError, type PublishResult } from "../../engine/publisher.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { type Bucket, bucketStream, namedBucket } from "../topology/resources.ts";
import { ensureBucket } from "./bucket.ts";
import { IDEMPOTENCY } from "./resources.ts";
import { removeMessage } from "../client/remove_message.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";

/**
 * Greatest number of tries to claim a key. A try is repeated if the key was deleted or expired meanwhile, and that does
 * not happen five times in a row.
 */
const MAX_TRIES = 5;
const UTF8 = new TextEncoder();

interface Entry {
  readonly state: "in-progress" | "done";
  /** Unique id of the claim. */
  readonly by: string;
}

/**
 * Remembers handled events in a NATS key-value bucket. A claim is a key that JetStream creates only once and that has a
 * TTL. The lease ends by the server's clock, so the clocks of replicas need not agree.
 */
export class NatsIdempotencyStore implements IdempotencyStore {
  readonly #bucket: Bucket;
  readonly #stream: string;

  /**
   * @param replicas Replicas of a new bucket. Undefined: a missing bucket is not created.
   * @param onConnection Returns the subject by which a key is published. Default: the key's own subject.
   * @param names The names in NATS. Default: without a namespace.
   */
  constructor(
    readonly publisher: MessagePublisher,
    readonly jsm: JetStreamManager,
    readonly replicas: number | undefined,
    readonly onConnection: (subject: string) => string = (subject) => subject,
    readonly names: Namespace = NO_NAMESPACE,
  ) {
    this.#bucket = namedBucket(IDEMPOTENCY, names);
    this.#stream = bucketStream(this.#bucket.name);
  }

  /** Creates the bucket if it is missing, and if this process may. */
  async ensureBucket(): Promise<void> {
    if (this.replicas !== undefined) await ensureBucket(this.jsm, this.#bucket, this.replicas, this.names);
  }

  async claim(functionName: string, key: string, leaseMs: number, ttlMs: number): Promise<ClaimResult> {
    const subject = `$KV.${this.#bucket.name}.${functionName}.${key}`, by = crypto.randomUUID();
    const hdrs = ttl(leaseMs);
    hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
    for (let attempt = 1;; attempt++) {
      try {
        const { sequence } = await this.#publish(subject, { state: "in-progress", by }, hdrs);
        return { kind: "claimed", claim: this.#claim(subject, by, sequence, ttlMs) };
      } catch (error) {
        if (!isConflict(error)) throw error;
        const message: StoredMsg | null = await this.jsm.streams.getMessage(this.#stream, { last_by_subj: subject });
        // A deleted key leaves a marker without a value. The next try replaces the marker.
        const entry = message && message.data.length > 0 ? message.json<Entry>() : undefined;
        if (message && !entry) hdrs.set("Nats-Expected-Last-Subject-Sequence", String(message.seq));
        // The claim is our own, from a publish whose PubAck was lost.
        if (entry?.by === by) return { kind: "claimed", claim: this.#claim(subject, by, message!.seq, ttlMs) };
        if (entry?.state === "done") return { kind: "done" };
        if (entry || attempt === MAX_TRIES) return { kind: "in-progress" };
      }
    }
  }

  /** Publishes an entry. After a failure creates the bucket again if it was deleted, for the redelivery. */
  async #publish(subject: string, entry: Entry, hdrs: MsgHdrs): Promise<PublishResult> {
    try {
      return await this.publisher.publish(this.onConnection(subject), UTF8.encode(JSON.stringify(entry)), hdrs);
    } catch (error) {
      if (!isConflict(error)) await this.ensureBucket().catch(() => {});
      throw error;
    }
  }

  #claim(subject: string, by: string, sequence: number, ttlMs: number): Claim {
    return {
      // Unconditional: the event is handled, also if the lease expired and another replica claimed the key.
      complete: async () => void await this.#publish(subject, { state: "done", by }, ttl(ttlMs)),
      release: async () => void await removeMessage(this.jsm, this.#stream, sequence),
    };
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof PublishError && isWrongLastSequence(error.jetStreamCode);
}

/** Returns the header for a time to live. JetStream counts whole seconds, at least one. */
function ttl(ms: number): MsgHdrs {
  const hdrs = headers();
  hdrs.set("Nats-TTL", `${Math.max(1, Math.ceil(ms / 1_000))}s`);
  return hdrs;
}
