/**
 * The event that every contestant handles: an order of 330 bytes with the headers of an event of Weir.
 *
 * Imports only the NATS client, since every import adds to the memory of a contestant.
 */
import { headers, type MsgHdrs } from "@nats-io/transport-node";

export const STREAM = "BENCH";
export const SUBJECT = "bench.ordered";

export interface Order {
  readonly orderId: string;
  readonly customer: string;
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
  readonly total: number;
  readonly note: string;
  /** When it should have been sent, in milliseconds since 1970 with fractions; 0 if latency is not measured. */
  readonly at: number;
}

const PREFIX = "order-";
const ITEMS = Array.from({ length: 4 }, (_, i) => ({ sku: `article-${i}`, quantity: i + 1 }));
const ENCODER = new TextEncoder();

export function order(n: number, at = 0): Order {
  return { orderId: PREFIX + n, customer: "customer", items: ITEMS, total: 12_345, note: "x".repeat(90), at };
}

/** Returns the number of an order. Orders are numbered from 0. */
export function numberOf(orderId: string): number {
  return Number(orderId.slice(PREFIX.length));
}

/** Returns an order as a CloudEvent in binary mode. */
export function message(n: number, at = 0): { readonly payload: Uint8Array; readonly headers: MsgHdrs } {
  const data = order(n, at), hdrs = headers();
  hdrs.set("Nats-Msg-Id", data.orderId);
  hdrs.set("ce-specversion", "1.0");
  hdrs.set("ce-id", data.orderId);
  hdrs.set("ce-type", SUBJECT);
  hdrs.set("ce-source", "/bench");
  hdrs.set("ce-time", "2026-01-01T00:00:00.000Z");
  hdrs.set("content-type", "application/json");
  return { payload: ENCODER.encode(JSON.stringify(data)), headers: hdrs };
}

/** Returns the time in milliseconds with fractions, comparable between processes. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
