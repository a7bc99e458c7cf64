import assert from "node:assert/strict";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { ServerOptions } from "../../runtime/nats_server/server.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { Clock } from "../../runtime/engine/clock.ts";
import { JetStreamPublisher, PublishError, type Store } from "../../runtime/nats/publish/jetstream_publisher.ts";
import { type Broker, startBroker } from "./nats.ts";

/** A broker with the stream ORDERS, and a store to fill it with. */
export interface Storing extends Broker {
  readonly store: JetStreamPublisher;
  /** Stores one order under that id. */
  put(id: string, subject?: string, store?: Store): ReturnType<Store["store"]>;
}

const DATA = new TextEncoder().encode('{"orderId":"o1"}');

/** @param via where the store connects to, given the server; the server itself unless given */
export async function startStoring(
  clock: Clock = systemClock,
  { via, ...options }: ServerOptions & { via?: (port: number) => string } = {},
): Promise<Storing> {
  const broker = await startBroker(options);
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  const store = new JetStreamPublisher(via ? await broker.connect(via(broker.server.port)) : broker.nc, clock);
  broker.defer(() => store.close());
  const put = (id: string, subject = "orders.created", into: Store = store) => into.store(subject, DATA, withId(id));
  return { ...broker, store, put };
}

export function withId(id: string): MsgHdrs {
  const hdrs = headers();
  hdrs.set("Nats-Msg-Id", id);
  return hdrs;
}

/** The StoreError that a store ends with. */
export async function refusal(storing: Promise<unknown>): Promise<PublishError> {
  const error = await storing.then((stored) => stored, (error) => error);
  assert.ok(error instanceof PublishError, `expected a StoreError, got ${JSON.stringify(error)}`);
  return error;
}
