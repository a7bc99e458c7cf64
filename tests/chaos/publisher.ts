import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { pause } from "./pause.ts";
import type { Message } from "./workload.ts";

/** The events to publish, and their rate. */
export interface Load {
  readonly events: number;
  readonly perSecond: number;
  readonly message: (n: number) => Message;
}

const TICK_MS = 10;
const ACK_MS = 2_000;
const RETRY_MS = 100;

/**
 * Publishes events at a fixed rate, which a server that is down does not slow. Each event is repeated under the same id
 * until JetStream acks it. The publisher uses the client alone, since Weir is under test.
 */
export class Publisher {
  /** The number of events whose publish has begun. */
  sent = 0;
  /** When the publish of the last event began. After it, a gap in effects means nothing. */
  lastSentMs = 0;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(readonly nc: NatsConnection, readonly load: Load) {}

  /** Publishes, and resolves once every event is stored. */
  async run(): Promise<void> {
    const js = jetstream(this.nc);
    const storing: Promise<void>[] = [];
    const store = async ({ subject, payload, id: msgID, headers }: Message) => {
      while (true) {
        try {
          await js.publish(subject, payload, { msgID, headers, timeout: ACK_MS });
          return;
        } catch {
          await pause(RETRY_MS);
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

  /** Resolves once the publish of `count` events has begun. */
  hasSent(count: number): Promise<void> {
    if (count <= this.sent) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}
