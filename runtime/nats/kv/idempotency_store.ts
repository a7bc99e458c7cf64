import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Claim, ClaimResult, IdempotencyStore } from "../../engine/ports.ts";
import { isWrongLastSequence } from "../client/error_codes.ts";
import type { MessagePublisher } from "../publish/message_publisher.ts";
import { PublishError } from "../publish/publish_error.ts";
import { INBOX, streamOf } from "./buckets.ts";
import { ensureBucket } from "./ensure_bucket.ts";
import { removeMessage } from "../dead_letters/redrive.ts";

const BUCKET = { stream: streamOf(INBOX.name), prefix: `$KV.${INBOX.name}` } as const;
const ROUNDS = 5;
const UTF8 = new TextEncoder();

interface Entry {
  readonly state: "in-progress" | "done";
  /** Who claimed it: a name nobody else has. */
  readonly by: string;
}

/**
 * Remembers handled events in a NATS key-value bucket. A claim is a key that JetStream takes only once, and removes by
 * itself when its time is up: by the server's clock alone, whatever those of the replicas say.
 */
export class NatsIdempotencyStore implements IdempotencyStore {
  /** @param replicas of a bucket that is made; undefined: none is made */
  constructor(
    readonly publisher: MessagePublisher,
    readonly jsm: JetStreamManager,
    readonly replicas: number | undefined,
  ) {}

  /** Makes the bucket if need be. */
  async ensureBucket(): Promise<void> {
    if (this.replicas !== undefined) await ensureBucket(this.jsm, INBOX, this.replicas);
  }

  async claim(functionName: string, key: string, leaseMs: number, ttlMs: number): Promise<ClaimResult> {
    const subject = `${BUCKET.prefix}.${functionName}.${key}`, by = crypto.randomUUID();
    const hdrs = ttl(leaseMs);
    hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
    for (let round = 1;; round++) {
      try {
        const { sequence } = await this.publisher.publish(subject, encode({ state: "in-progress", by }), hdrs);
        return { kind: "claimed", claim: this.#claim(subject, by, sequence, ttlMs) };
      } catch (error) {
        if (!(error instanceof PublishError && isWrongLastSequence(error.jetStreamCode))) {
          await this.ensureBucket().catch(() => {}); // it may be gone: the next delivery finds it again
          throw error;
        }
        const message: StoredMsg | null = await this.jsm.streams.getMessage(BUCKET.stream, { last_by_subj: subject });
        // A key that somebody deleted leaves a marker without a value.
        const entry = message && message.data.length > 0 ? message.json<Entry>() : undefined;
        if (message && !entry) hdrs.set("Nats-Expected-Last-Subject-Sequence", String(message.seq));
        // A try whose answer was lost took it: what stands in our way is our own claim.
        if (entry?.by === by) return { kind: "claimed", claim: this.#claim(subject, by, message!.seq, ttlMs) };
        if (entry?.state === "done") return { kind: "done" };
        if (entry || round === ROUNDS) return { kind: "in-progress" };
      }
    }
  }

  #claim(subject: string, by: string, sequence: number, ttlMs: number): Claim {
    return {
      // Whoever has claimed it meanwhile, since this took too long: it is handled, and they shall know.
      complete: async () => {
        try {
          await this.publisher.publish(subject, encode({ state: "done", by }), ttl(ttlMs));
        } catch (error) {
          await this.ensureBucket().catch(() => {});
          throw error;
        }
      },
      release: async () => void await removeMessage(this.jsm, BUCKET.stream, sequence),
    };
  }
}

/** JetStream counts whole seconds, one at the least. */
function ttl(ms: number): MsgHdrs {
  const hdrs = headers();
  hdrs.set("Nats-TTL", `${Math.max(1, Math.ceil(ms / 1_000))}s`);
  return hdrs;
}

function encode(entry: Entry): Uint8Array {
  return UTF8.encode(JSON.stringify(entry));
}
