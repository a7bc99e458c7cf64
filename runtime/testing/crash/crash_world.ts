import type { KvBucket } from "../../api/context.ts";
import type { AttemptCounts } from "../../engine/attempt_store.ts";
import type { Claim, IdempotencyStore } from "../../engine/idempotency_store.ts";
import type { KvStore } from "../../engine/kv_store.ts";
import type { Ports } from "../../engine/ports.ts";
import type { OutgoingEvent } from "../../core/event.ts";
import { payloadData } from "../../api/define_event.ts";
import type { Outcome } from "../../core/outcome.ts";
import { MemoryIdempotencyStore } from "../memory_idempotency_store.ts";
import { MemoryKvStore } from "../memory_kv_store.ts";
import { HandlerLog } from "../handler_log.ts";
import { TestClock } from "../test_clock.ts";
import { type SimulatedProcess, tick } from "./simulated_process.ts";

/** An event that was published. */
interface StoredEvent {
  readonly type: string;
  readonly data: unknown;
}

/** The state that outlives a process: buckets, stored events, claims, and the attempt counts of the event. */
export class CrashWorld {
  readonly clock = new TestClock();
  readonly kv = new MemoryKvStore();
  readonly idempotencyStore = new MemoryIdempotencyStore(this.clock);
  /** The stored events, by id. */
  readonly events: Record<string, StoredEvent> = {};
  /** Events that were published again under the same id with other data. JetStream drops them as duplicates. */
  readonly dropped: Record<string, StoredEvent> = {};
  /** The final outcome of the event. */
  ended: Outcome | undefined;
  #counts: AttemptCounts | undefined;

  /** Returns the ports of one process. Each of their effects is a step of it. */
  ports(process: SimulatedProcess): Ports {
    return {
      clock: this.clock,
      publisher: {
        publish: (event, listener) => {
          if (!process.passes(`before storing the emitted ${event.type}`)) return;
          const stored = this.#store(event);
          if (process.passes(`after storing the emitted ${event.type}`)) listener.stored(stored);
        },
      },
      settler: {
        settle: async (_name, delivery, outcome, usedUp, claim) => {
          if (outcome.kind === "ack") await claim?.complete();
          else await claim?.release();
          if (outcome.kind === "dead-letter") {
            if (!process.passes("before the dead letter is decided")) return await never();
            this.#counts = { begun: outcome.attempts, excused: 0, mayHaveEmitted: true, ending: outcome };
          }
          if (!process.passes(`before ${SETTLING[outcome.kind]}`)) return await never();
          if (outcome.kind !== "retry") {
            this.ended = outcome;
            process.markSettled();
          } else if (usedUp) {
            const { attempts, excusedDeliveries, otherReleaseDeliveries, emittedSinceMs } = usedUp;
            this.#counts = {
              begun: attempts,
              excused: excusedDeliveries,
              otherRelease: otherReleaseDeliveries,
              mayHaveEmitted: emittedSinceMs !== undefined,
            };
          } else if (delivery.deliveryCount === 1) this.#counts = { begun: 0, excused: 1, mayHaveEmitted: false };
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
        markPrefetching: () => Promise.resolve(),
      },
      idempotency: steppedStore(this.idempotencyStore, process),
      observer: new HandlerLog(this.clock),
      kv: steppedKv(this.kv, process),
    };
  }

  #store({ id, type, json }: OutgoingEvent) {
    const event = { type, data: payloadData(json) }, known = this.events[id];
    if (!known) this.events[id] = event;
    else if (JSON.stringify(known) !== JSON.stringify(event)) this.dropped[id] = event;
    return { stream: "TEST", sequence: Object.keys(this.events).indexOf(id) + 1, duplicate: known !== undefined };
  }
}

const SETTLING = {
  "ack": "the ack",
  "retry": "the nak",
  "dead-letter": "the dead letter",
  "lease-expired": "leaving it unsettled",
} as const;

function never(): Promise<never> {
  return new Promise(() => {});
}

function steppedStore(store: IdempotencyStore, process: SimulatedProcess): IdempotencyStore {
  return {
    claim: async (...claiming) => {
      const claimed = await process.step("claiming the event", () => store.claim(...claiming));
      if (claimed.kind !== "claimed") return claimed;
      const claim: Claim = {
        complete: () => process.step("completing the claim", () => claimed.claim.complete()),
        release: () => process.step("releasing the claim", () => claimed.claim.release()),
      };
      return { kind: "claimed", claim };
    },
  };
}

function steppedKv(kv: KvStore, process: SimulatedProcess): KvStore {
  return {
    bucket: <Value>(name: string): KvBucket<Value> => {
      const bucket = kv.bucket<Value>(name);
      // The reply takes a tick, like the reply of a server. A handler that does not await it goes on before the reply
      // comes.
      const step = <Result>(method: string, key: string, run: () => Promise<Result>) =>
        process.step(`kv ${name}.${method}(${JSON.stringify(key)})`, () => run().finally(tick));
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
