/**
 * A careful loop: sixteen events at once, each with validation, a span, a timeout, a circuit breaker, and a nak with a
 * delay when it fails. It has most features of Weir without its guarantees.
 */
import { AckPolicy, type ConsumerMessages, jetstream, jetstreamManager, type JsMsg } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { EMITTED_SUBJECT, type Order, SUBJECT } from "../order.ts";
import { OrderSchema } from "../order_schema.ts";
import { carefulTracing } from "./careful_tracing.ts";
import type { Handler } from "./handlers.ts";
import { compete } from "./harness.ts";

const AT_ONCE = 16;
const TIMEOUT_MS = 30_000;
const RETRY_MS = 1_000;
const FAILURES = 10;
const OPEN_MS = 30_000;
const PROPAGATOR = new W3CTraceContextPropagator();
const HEADERS = { get: (message: JsMsg, name: string) => message.headers?.get(name) || undefined, keys: () => [] };

await compete(async ({ url, stream, functions }, handlerFor) => {
  const { tracer, shutdown } = carefulTracing();
  const nc = await connect({ servers: url, maxReconnectAttempts: -1 });
  const jsm = await jetstreamManager(nc), js = jetstream(nc);
  const loops = await Promise.all(functions.map(async (durable_name, fn) => {
    await jsm.consumers.add(stream, { durable_name, ack_policy: AckPolicy.Explicit, max_deliver: 20 });
    const consumer = await js.consumers.get(stream, durable_name);
    const messages = await consumer.consume({ max_messages: 100 });
    const handler = handlerFor(fn, ({ orderId, units }) => {
      const msgID = `${durable_name}-${orderId}`;
      return js.publish(EMITTED_SUBJECT, JSON.stringify({ orderId, units }), { msgID });
    });
    return { messages, ended: work(messages, durable_name, handler, tracer) };
  }));
  return async () => {
    await Promise.all(loops.map(({ messages }) => messages.close()));
    await Promise.all(loops.map(({ ended }) => ended));
    await nc.drain();
    return { spansEnded: await shutdown() };
  };
});

/** Returns the context of the span that published a message. */
function parentOf(message: JsMsg): Context {
  return PROPAGATOR.extract(ROOT_CONTEXT, message, HEADERS);
}

async function work(
  messages: ConsumerMessages,
  name: string,
  handler: Handler<undefined>,
  tracer: Tracer,
): Promise<void> {
  let running = 0, failures = 0, openUntilMs = 0;
  let free = Promise.withResolvers<void>();

  const handle = (message: JsMsg): Promise<void> =>
    tracer.startActiveSpan(`process ${name}`, { kind: SpanKind.CONSUMER }, parentOf(message), async (span) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      try {
        span.setAttributes({
          "messaging.system": "nats",
          "messaging.operation.type": "process",
          "messaging.destination.name": message.subject,
          "messaging.consumer.group.name": name,
          "messaging.message.id": message.headers?.get("ce-id") ?? "",
          "messaging.message.body.size": message.data.length,
          "cloudevents.event_id": message.headers?.get("ce-id") ?? "",
          "cloudevents.event_type": message.headers?.get("ce-type") || SUBJECT,
          "cloudevents.event_source": message.headers?.get("ce-source") ?? "",
        });
        const parsed = OrderSchema.safeParse(message.json());
        if (!parsed.success) return message.term("the data does not match the schema");
        const late = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`not done within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
        });
        await Promise.race([handler(parsed.data satisfies Order, undefined), late]);
        message.ack();
        failures = 0;
      } catch (error) {
        span.recordException(error as Error);
        span.setStatus({ code: SpanStatusCode.ERROR });
        message.nak(RETRY_MS);
        if (++failures >= FAILURES) openUntilMs = Date.now() + OPEN_MS;
      } finally {
        clearTimeout(timer);
        span.end();
      }
    });

  for await (const message of messages) {
    if (Date.now() < openUntilMs) {
      message.nak(openUntilMs - Date.now());
      continue;
    }
    running++;
    void handle(message).finally(() => {
      running--;
      free.resolve();
    });
    while (running >= AT_ONCE) {
      await free.promise;
      free = Promise.withResolvers();
    }
  }
}
