/**
 * Traces an order without NATS: it is posted to the ingress, published, and delivered to a function, which fails with
 * `--fail`. The last line is the result and the duration of the shutdown, as JSON.
 */
import { z } from "zod";
import { defineEvent } from "../../runtime/api/define_event.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { ApiKeys } from "../../runtime/http/api_keys.ts";
import { ingressRoutes } from "../../runtime/http/ingress.ts";
import { router } from "../../runtime/http/router.ts";
import { Attempt } from "../../runtime/engine/attempt.ts";
import type { PublishListener } from "../../runtime/engine/publisher.ts";
import type { ResolvedFunction } from "../../runtime/project/resolve_function.ts";
import type { Delivery } from "../../runtime/core/delivery.ts";
import type { OutgoingEvent } from "../../runtime/core/event.ts";
import type { Outcome } from "../../runtime/core/outcome.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { TelemetryObserver } from "../../runtime/telemetry/observer.ts";
import { TracedPublisher } from "../../runtime/telemetry/traced_publisher.ts";
import { setupTracing } from "../../runtime/telemetry/setup_tracing.ts";
import { NO_HEADERS } from "../support/deliveries.ts";
import { HeaderList } from "../../runtime/core/headers.ts";

const tracing = await setupTracing((name) => Deno.env.get(name), "order-program");
const observer = new TelemetryObserver(new Logger({ level: "error", format: "json" }));
const OrderCreated = defineEvent({ type: "orders.created", version: 1, data: z.object({}), ingress: {} });

/** Delivers each published event to a function, whose outcome the arguments choose. */
function deliver(sent: OutgoingEvent, listener: PublishListener): void {
  const delivery: Delivery = {
    stream: "ORDERS",
    sequence: 1,
    subject: sent.type,
    deliveryCount: 1,
    storedAtMs: 0,
    payload: new TextEncoder().encode(sent.json),
    headers: new HeaderList(Object.entries(sent.trace ?? {})),
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
    messageKey: "",
    ackSubject: new Uint8Array(),
  };
  const { json: _, trace: __, extensions: ___, ...attributes } = sent;
  const fn = { name: "reserveInventory" } as ResolvedFunction;
  const attempt = new Attempt(fn, systemClock, delivery, { isValid: () => true, renew() {}, release() {} });
  attempt.decoded = {
    kind: "event",
    event: { ...attributes, data: {}, subject: sent.type, extensions: {}, headers: NO_HEADERS },
  };
  const error = { name: "TypeError", message: "out of stock" };
  const outcome: Outcome = Deno.args.includes("--fail")
    ? { kind: "retry", delayMs: 100, reason: "failed", usesAttempt: true, error }
    : { kind: "ack" };
  observer.begin(attempt);
  observer.end(attempt, outcome, { ok: true });
  listener.stored({ stream: "ORDERS", sequence: 1, duplicate: false });
}

const problemOf = (error: unknown): never => {
  throw error;
};
const routes = ingressRoutes({
  clock: systemClock,
  events: new Map([[OrderCreated.type, OrderCreated]]),
  publisher: new TracedPublisher({ publish: deliver }),
  keys: new ApiKeys("none"),
  maxBytes: 1_000,
  outage: () => undefined,
  problemOf,
});
const request = new Request("http://127.0.0.1/events/orders.created", {
  method: "POST",
  body: "{}",
  headers: {
    "content-type": "application/json",
    "idempotency-key": "order-1",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  },
});
const response = await router(routes, { problemOf })(request);
const start = performance.now();
await tracing.shutdown();
const shutdownMs = performance.now() - start;
console.log(JSON.stringify({ status: response.status, exportsTo: tracing.exportsTo ?? null, shutdownMs }));
