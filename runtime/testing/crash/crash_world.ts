import type { KvBucket } from "../../api/context.ts";
import type { AttemptCounts } from "../../engine/attempt_store.ts";
import type { Claim, IdempotencyStore } from "../../engine/idempotency_store.ts";
import type { KvStore } from "../../engine/kv_store.ts";
import type { Ports } from "../../engine/pipeline.ts";
import type { OutgoingEvent } from "../../core/event.ts";
import type { Outcome } from "../../core/outcome.ts";
import { MemoryIdempotencyStore } from "../memory_idempotency_store.ts";
import { MemoryKvStore } from "../memory_kv.ts";
import { OwnLog } from "../own_log.ts";
import { TestClock } from "../test_clock.ts";
import { type Life, turn } from "./life.ts";

/** An event that was stored, or offered once more. */
interface Kept {
  readonly type: string;
  readonly data: unknown;
}

/** What outlives a process: buckets, stored events, what is remembered of the event that is being handled. */
export class CrashWorld {
  readonly clock = new TestClock();
  readonly kv = new MemoryKvStore();
  readonly inbox = new MemoryIdempotencyStore(this.clock);
  /** What is in the streams, by id. */
  readonly events: Record<string, Kept> = {};
  /** Events that were published again under the same id, and said something else: JetStream dropped them. */
  readonly dropped: Record<string, Kept> = {};
  /** How the event ended. */
  ended: Outcome | undefined;
  #counts: AttemptCounts | undefined;

  /** The world as one process sees it: each of its effects is a step of its life. */
  ports(life: Life): Ports {
    return {
      clock: this.clock,
      publisher: {
        publish: (event, listener) => {
          if (!life.passes(`before storing the emitted ${event.type}`)) return;
          const stored = this.#store(event);
          if (life.passes(`after storing the emitted ${event.type}`)) listener.stored(stored);
        },
      },
      settler: {
        settle: async (_name, delivery, outcome, progress, claim) => {
          if (outcome.kind === "ack") await claim?.complete();
          else await claim?.release();
          if (outcome.kind === "dead-letter") {
            if (!life.passes("before its end is decided")) return await never();
            this.#counts = { begun: outcome.attempts, free: 0, emitted: true, ending: outcome };
          }
          if (!life.passes(`before ${SETTLING[outcome.kind]}`)) return await never();
          if (outcome.kind !== "retry") {
            this.ended = outcome;
            life.settled();
          } else if (progress) {
            const { attempts, excusedDeliveries, emittedSinceMs } = progress;
            this.#counts = { begun: attempts, free: excusedDeliveries, emitted: emittedSinceMs !== undefined };
          } else if (delivery.deliveryCount === 1) this.#counts = { begun: 0, free: 1, emitted: false };
          return { ok: true };
        },
        extend: () => {},
      },
      attempts: {
        read: () => Promise.resolve(this.#counts),
        write: (_name, _delivery, counts) => {
          this.#counts = counts;
          return Promise.resolve();
        },
      },
      idempotency: steppedInbox(this.inbox, life),
      observer: new OwnLog(this.clock),
      kv: steppedKv(this.kv, life),
    };
  }

  #store({ id, type, json }: OutgoingEvent) {
    const event = { type, data: JSON.parse(json) }, known = this.events[id];
    if (!known) this.events[id] = event;
    else if (JSON.stringify(known) !== JSON.stringify(event)) this.dropped[id] = event;
    return { stream: "TEST", sequence: Object.keys(this.events).indexOf(id) + 1, duplicate: known !== undefined };
  }
}

const SETTLING = {
  "ack": "the ack",
  "retry": "giving it back",
  "dead-letter": "the dead letter",
  "lease-expired": "letting it go",
} as const;

function never(): Promise<never> {
  return new Promise(() => {});
}

function steppedInbox(inbox: IdempotencyStore, life: Life): IdempotencyStore {
  return {
    claim: async (...claiming) => {
      const claimed = await life.step("claiming the event", () => inbox.claim(...claiming));
      if (claimed.kind !== "claimed") return claimed;
      const claim: Claim = {
        complete: () => life.step("remembering that it is handled", () => claimed.claim.complete()),
        release: () => life.step("letting go of its claim", () => claimed.claim.release()),
      };
      return { kind: "claimed", claim };
    },
  };
}

function steppedKv(kv: KvStore, life: Life): KvStore {
  return {
    bucket: <Value>(name: string): KvBucket<Value> => {
      const bucket = kv.bucket<Value>(name);
      // The answer takes a moment, as that of a server does: whoever does not wait for it goes on without.
      const step = <Result>(method: string, key: string, run: () => Promise<Result>) =>
        life.step(`kv ${name}.${method}(${JSON.stringify(key)})`, () => run().finally(turn));
      return {
        get: (key) => step("get", key, () => bucket.get(key)),
        put: (key, value) => step("put", key, () => bucket.put(key, value)),
        create: (key, value) => step("create", key, () => bucket.create(key, value)),
        update: (key, value, revision) => step("update", key, () => bucket.update(key, value, revision)),
        delete: (key) => step("delete", key, () => bucket.delete(key)),
      };
    },
  };
}
