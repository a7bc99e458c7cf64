import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { pause } from "./pause.ts";
import type { Message } from "./workload.ts";

/** What is published, and how fast. */
export interface Load {
  readonly events: number;
  readonly perSecond: number;
  readonly message: (n: number) => Message;
}

const TICK_MS = 10;
const ANSWER_MS = 2_000;
const PAUSE_MS = 100;

/**
 * Stores events at a fixed rate, whether or not the earlier ones are stored yet: a broker that is down does not slow
 * it. Each is tried again under the same id until JetStream has acknowledged it. It uses the client's own publishing
 * and nothing of Weir's, which is what is on trial here.
 */
export class Publisher {
  /** How many were begun. */
  sent = 0;
  /** When the last one was begun: from then on a lack of effects says nothing. */
  lastSentMs = 0;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(readonly nc: NatsConnection, readonly load: Load) {}

  /** Resolves when every event is stored. */
  async run(): Promise<void> {
    const js = jetstream(this.nc);
    const storing: Promise<void>[] = [];
    const store = async ({ subject, payload, id: msgID, headers }: Message) => {
      while (true) {
        try {
          await js.publish(subject, payload, { msgID, headers, timeout: ANSWER_MS });
          return;
        } catch {
          await pause(PAUSE_MS);
        }
      }
    };
    const { events, perSecond, message } = this.load;
    const startedAtMs = performance.now();
    while (this.sent < events) {
      const due = Math.min(events, Math.ceil((performance.now() - startedAtMs) * perSecond / 1_000));
      while (this.sent < due) storing.push(store(message(this.sent++)));
      for (const { count, resolve } of this.#waiting) if (count <= this.sent) resolve();
      await pause(TICK_MS);
    }
    this.lastSentMs = performance.now();
    await Promise.all(storing);
  }

  /** Resolves when `count` events were begun. */
  reached(count: number): Promise<void> {
    if (count <= this.sent) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}
