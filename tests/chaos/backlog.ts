import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { JetStreamPublisher } from "../../runtime/nats/publish/jetstream_publisher.ts";
import type { Message } from "./workload.ts";

const WINDOW = 2_000;

/** Stores a backlog of events as fast as JetStream acks them. */
export async function storeBacklog(nc: NatsConnection, count: number, message: (n: number) => Message): Promise<void> {
  const store = new JetStreamPublisher(nc, systemClock), utf8 = new TextEncoder();
  for (let at = 0; at < count; at += WINDOW) {
    const length = Math.min(WINDOW, count - at);
    await Promise.all(Array.from({ length }, (_, i) => {
      const { subject, payload, id, headers } = message(at + i);
      headers.set("Nats-Msg-Id", id);
      return store.publish(subject, utf8.encode(payload), headers);
    }));
  }
  store.close();
}
