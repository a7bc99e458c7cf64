import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Delivery } from "../../core/delivery.ts";
import type { Namespace } from "../../core/namespace.ts";
import { newInbox, subjectOn } from "../client/subject_prefixes.ts";
import { DeliveryParser } from "../consume/parse_delivery.ts";

/** Time beyond its expiry that a pull request has to be answered, in milliseconds. */
const ANSWER_MS = 1_000;

/**
 * Pulls once from a consumer: up to a number of messages, or as many as come before the request expires. Times tell
 * messages apart, and the client's own reader would round them.
 */
export async function pullPage(
  nc: NatsConnection,
  stream: string,
  consumer: string,
  count: number,
  expiresMs: number,
  names: Namespace,
): Promise<Delivery[]> {
  const parser = new DeliveryParser(stream, consumer, names), inbox = newInbox(nc), page: Delivery[] = [];
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const callback = (error: Error | null, msg: Msg) => {
    if (error) return reject(error);
    const delivery = parser.parse(msg);
    if (!delivery) return resolve(); // a status ends the pull
    if (page.push(delivery) === count) resolve();
  };
  const subscription = nc.subscribe(inbox, { callback });
  const timer = setTimeout(resolve, expiresMs + ANSWER_MS);
  try {
    const request = JSON.stringify({ batch: count, expires: expiresMs * 1e6 });
    nc.publish(subjectOn(nc, `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`), request, { reply: inbox });
    await ended;
    return page;
  } finally {
    clearTimeout(timer);
    subscription.unsubscribe();
  }
}
