import assert from "node:assert/strict";
import { z } from "zod";
import { defineEvent, type EventDefinition } from "../../runtime/api/define_event.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { storeProblem } from "../../runtime/app/cluster.ts";
import type { PublishResult } from "../../runtime/engine/ports.ts";
import { type ApiKey, ApiKeys } from "../../runtime/http/api_keys.ts";
import { ingress, type IngressOptions } from "../../runtime/http/ingress.ts";
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

/** A publisher that keeps what it is given and stores nothing. */
export class FakePublisher {
  readonly published: OutgoingEvent[] = [];
  /** What the next event is answered with, in place of a new sequence. */
  answer: ((event: OutgoingEvent) => PublishResult | Promise<PublishResult>) | undefined;

  async publish(event: OutgoingEvent): Promise<PublishResult> {
    this.published.push(event);
    if (this.answer) return await this.answer(event);
    return { stream: "ORDERS", sequence: this.published.length, duplicate: false };
  }
}

/** The ingress on a publisher of the test's own, without sockets. */
export function setup(options: Partial<Omit<IngressOptions, "keys">> & { keys?: ApiKey[] } = {}) {
  const publisher = new FakePublisher();
  const errors: unknown[] = [];
  const events: EventDefinition[] = [OrderCreated, OrderPaid, StockReserved];
  const app = ingress({
    events: new Map(events.map((event) => [event.type, event])),
    publisher,
    health: { checks: [] },
    clock: systemClock,
    maxBytes: 10_000,
    outage: () => undefined,
    storeProblem,
    logError: (_, error) => errors.push(error),
    ...options,
    keys: new ApiKeys(options.keys ?? "none"),
  });
  const send = async (path: string, init: RequestInit & { json?: unknown } = {}) => {
    const { json, ...rest } = init;
    const withBody = json === undefined ? rest : { body: JSON.stringify(json), ...rest };
    const headers = new Headers(rest.headers);
    if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
    return await app.fetch(new Request(`http://weir.test${path}`, { method: "POST", ...withBody, headers }));
  };
  return { app, publisher, errors, send };
}

/** The problem of a response, which must be one in form as well. */
export async function problemOf(response: Response) {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { type, title, status, detail, ...more } = await response.json();
  assert.equal(type, "about:blank");
  assert.equal(status, response.status);
  return { status, title, detail, ...more };
}

export const STRUCTURED = "application/cloudevents+json";
export const BATCH = "application/cloudevents-batch+json";
export const NDJSON = "application/x-ndjson";
export const TIME = "2026-11-21T10:00:00Z";

/** A CloudEvent in structured mode. */
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
