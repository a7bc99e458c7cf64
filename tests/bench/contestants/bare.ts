/** The simplest loop: parse, handle, ack. It has no validation, span, timeout or error handling. */
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { EMITTED_SUBJECT, type Order } from "../order.ts";
import { compete } from "./harness.ts";

await compete(async ({ url, stream, functions }, handlerFor) => {
  const nc = await connect({ servers: url });
  const jsm = await jetstreamManager(nc), js = jetstream(nc);
  const loops = await Promise.all(functions.map(async (durable_name, fn) => {
    const handle = handlerFor(fn, (receipt) => js.publish(EMITTED_SUBJECT, JSON.stringify(receipt)));
    await jsm.consumers.add(stream, { durable_name, ack_policy: AckPolicy.Explicit, max_ack_pending: 10_000 });
    const consumer = await js.consumers.get(stream, durable_name);
    const messages = await consumer.consume({ max_messages: 1_000 });
    void (async () => {
      for await (const message of messages) {
        const handling = handle(message.json<Order>(), undefined);
        if (handling) await handling;
        message.ack();
      }
    })();
    return messages;
  }));
  return async () => {
    await Promise.all(loops.map((messages) => messages.close()));
    await nc.drain();
    return {};
  };
});
