/**
 * moleculer-channels: a JavaScript framework with channels on JetStream, set up as its README shows. It parses, calls
 * the handler and acks. Its schema validation, metrics and tracing are off, which is its default and its fastest.
 *
 * It runs on Node, for which it is made, and from a folder with its packages (`moleculer_packages.ts`).
 */
import { EMITTED_SUBJECT, type Order, SUBJECT } from "../order.ts";
import { compete } from "./harness.ts";

/** As many as the bare loop pulls ahead. The default of 1 would wait for the network at each event. */
const IN_FLIGHT = 1_000;

/** The part of moleculer's `ServiceBroker` that is used. */
interface Broker {
  createService(schema: object): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  sendToChannel(channel: string, payload: unknown): Promise<void>;
}

// Not literals, so that nothing that reads this repository installs these packages.
const [moleculer, channels] = await Promise.all(["moleculer", "@moleculer/channels"].map((name) => import(name)));

await compete(async ({ url, stream, functions }, handlerFor) => {
  const broker: Broker = new moleculer.default.ServiceBroker({
    logger: false,
    middlewares: [
      channels.default.Middleware({
        adapter: { type: "NATS", options: { nats: { url }, maxInFlight: IN_FLIGHT } },
      }),
    ],
  });
  functions.forEach((group, fn) => {
    const handle = handlerFor(fn, (receipt) => broker.sendToChannel(EMITTED_SUBJECT, receipt));
    broker.createService({
      name: group,
      channels: {
        [SUBJECT]: {
          group,
          nats: {
            streamConfig: { name: stream, subjects: ["bench.>"] },
            consumerOptions: { config: { deliver_policy: "all" } },
          },
          handler: (order: Order) => handle(order, undefined),
        },
      },
    });
  });
  await broker.start();
  return async () => {
    await broker.stop();
    return {};
  };
});
