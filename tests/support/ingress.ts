import assert from "node:assert/strict";
import { z } from "zod";
import { defineEvent, type EventDefinition } from "../../runtime/api/define_event.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { publicProblems } from "../../runtime/app/problems.ts";
import type { PublishListener, PublishResult } from "../../runtime/engine/publisher.ts";
import { type ApiKey, ApiKeys } from "../../runtime/http/api_keys.ts";
import { type IngressOptions, ingressRoutes } from "../../runtime/http/ingress.ts";
import { healthRoutes } from "../../runtime/http/health.ts";
import { type Handler, router } from "../../runtime/http/router.ts";
import type { OutgoingEvent } from "../../runtime/core/event.ts";

export const OrderCreated = defineEvent({
  type: "orders.created",
  version: 1,
  data: z.object({
    orderId: z.string(),
    items: z.array(z.object({ sku: z.string(), quantity: z.int().positive() })).default([]),
  }),
  ingress: { route: "/orders" },
});
export const OrderPaid = defineEvent({
  type: "orders.paid",
  version: 1,
  data: z.object({ orderId: z.string() }),
  ingress: {},
});
export const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: z.object({}) });

/** A publisher that records events and stores nothing. */
export class FakePublisher {
  readonly published: OutgoingEvent[] = [];
  /** Returns the result of publishing an event. @default a new sequence each */
  answer: ((event: OutgoingEvent) => PublishResult | Promise<PublishResult>) | undefined;

  publish(event: OutgoingEvent, listener: PublishListener): void {
    this.store(event).then((result) => listener.stored(result), (error) => listener.failed(error));
  }

  async store(event: OutgoingEvent): Promise<PublishResult> {
    this.published.push(event);
    if (this.answer) return await this.answer(event);
    return { stream: "ORDERS", sequence: this.published.length, duplicate: false };
  }
}

/** Options of {@linkcode setup}. */
export type SetupOptions = Partial<Omit<IngressOptions, "keys" | "problemOf">> & {
  readonly keys?: readonly ApiKey[];
  readonly logError?: (error: unknown) => void;
};

/** Calls a handler with a request, without sockets. */
export async function request(handler: Handler, path: string, init?: RequestInit): Promise<Response> {
  return await handler(new Request(`http://weir.test${path}`, init));
}

/** Creates the public listener with a fake publisher, without sockets. */
export function setup(options: SetupOptions = {}) {
  const publisher = new FakePublisher();
  const errors: unknown[] = [];
  const { keys, logError = (error) => errors.push(error), ...others } = options;
  const problemOf = publicProblems({ error: (_, fields) => void logError((fields as { error: unknown }).error) });
  const events: EventDefinition[] = [OrderCreated, OrderPaid, StockReserved];
  const ingress = ingressRoutes({
    events: new Map(events.map((event) => [event.type, event])),
    publisher,
    clock: systemClock,
    maxBytes: 10_000,
    outage: () => undefined,
    ...others,
    problemOf,
    keys: new ApiKeys(keys ?? "none"),
  });
  const handler = router([...healthRoutes({ checks: [] }), ...ingress], { problemOf });
  const send = async (path: string, init: RequestInit & { json?: unknown } = {}) => {
    const { json, ...rest } = init;
    const withBody = json === undefined ? rest : { body: JSON.stringify(json), ...rest };
    const headers = new Headers(rest.headers);
    if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
    return await request(handler, path, { method: "POST", ...withBody, headers });
  };
  return { handler, publisher, errors, send };
}

/** Returns the problem of a response, and checks its form, and that of the problems in its results. */
export async function problemOf(response: Response) {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { type, title, status, detail, ...more } = await response.json();
  assert.equal(status, response.status);
  assert.match(type, /^\/problems\/[a-z-]+$/);
  for (const result of more.results ?? []) {
    if (result.status === undefined) continue;
    assert.match(result.type, /^\/problems\/[a-z-]+$/);
    delete result.type;
  }
  return { status, title, detail, ...more };
}

export const STRUCTURED = "application/cloudevents+json";
export const BATCH = "application/cloudevents-batch+json";
export const NDJSON = "application/x-ndjson";
export const TIME = "2026-11-21T10:00:00Z";

/** Returns a CloudEvent in structured mode. */
export function envelope(more: object = {}): object {
  return {
    specversion: "1.0",
    id: "order-1",
    source: "/shop",
    type: "orders.created",
    time: TIME,
    data: { orderId: "o1" },
    ...more,
  };
}

/** Returns one line of NDJSON. */
export const line = (more: object = {}) => JSON.stringify(envelope(more));
/** Returns NDJSON with `count` events. */
export const linesOf = (count: number) =>
  Array.from({ length: count }, (_, i) => `${line({ id: `order-${i}` })}\n`).join("");

/** Returns bytes as a body that arrives in chunks of this size. */
export function inChunks(bytes: Uint8Array, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let from = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (from >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(from, from += size));
    },
  }, { highWaterMark: 0 });
}
