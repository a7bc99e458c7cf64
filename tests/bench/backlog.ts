import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../runtime/clock.ts";
import { JetStreamStore } from "../../runtime/nats/jetstream_store.ts";
import { message, STREAM, SUBJECT } from "./order.ts";

const AT_ONCE = 1_000;

/** Makes the stream, empty. */
export async function freshStream(nc: NatsConnection): Promise<JetStreamManager> {
  const jsm = await jetstreamManager(nc);
  await jsm.streams.delete(STREAM).catch(() => {}); // there is none
  await jsm.streams.add({ name: STREAM, subjects: ["bench.>"] });
  return jsm;
}

/** Stores so many orders in a fresh stream. */
export async function preload(nc: NatsConnection, events: number): Promise<void> {
  await freshStream(nc);
  const store = new JetStreamStore(nc, systemClock);
  for (let at = 0; at < events; at += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, events - at) }, (_, i) => {
      const { payload, headers } = message(at + i);
      return store.store(SUBJECT, payload, headers);
    }));
  }
  store.close();
}

/** Takes the durables of a run away: the server would go on counting for them. */
export async function forget(nc: NatsConnection, durables: readonly string[]): Promise<void> {
  const jsm = await jetstreamManager(nc);
  for (const durable of durables) await jsm.consumers.delete(STREAM, durable);
}
