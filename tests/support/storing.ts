import assert from "node:assert/strict";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { ServerOptions } from "../../runtime/nats_server/server.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import type { Clock } from "../../runtime/engine/clock.ts";
import { PublishError, type PublishResult } from "../../runtime/engine/publisher.ts";
import { JetStreamPublisher } from "../../runtime/nats/publish/jetstream_publisher.ts";
import type { MessagePublisher } from "../../runtime/nats/publish/message_publisher.ts";
import { type Broker, startBroker } from "./nats.ts";

/** A broker with the stream ORDERS, and a publisher. */
export interface Storing extends Broker {
  readonly publisher: JetStreamPublisher;
  /** Publishes one order with that id. */
  put(id: string, subject?: string, publisher?: MessagePublisher): Promise<PublishResult>;
}

const DATA = new TextEncoder().encode('{"orderId":"o1"}');

/** @param via the URL that the publisher connects to. Default: the server's own. */
export async function startStoring(
  clock: Clock = systemClock,
  { via, ...options }: ServerOptions & { via?: (port: number) => string } = {},
): Promise<Storing> {
  const broker = await startBroker(options);
  await broker.jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
  const publisher = new JetStreamPublisher(via ? await broker.connect(via(broker.server.port)) : broker.nc, clock);
  broker.defer(() => publisher.close());
  const put = (id: string, subject = "orders.created", by: MessagePublisher = publisher) =>
    by.publish(subject, DATA, withId(id));
  return { ...broker, publisher, put };
}

export function withId(id: string): MsgHdrs {
  const hdrs = headers();
  hdrs.set("Nats-Msg-Id", id);
  return hdrs;
}

/** The PublishError that publishing ends with. */
export async function refusal(publishing: Promise<unknown>): Promise<PublishError> {
  const error = await publishing.then((stored) => stored, (error) => error);
  assert.ok(error instanceof PublishError, `expected a PublishError, got ${JSON.stringify(error)}`);
  return error;
}
