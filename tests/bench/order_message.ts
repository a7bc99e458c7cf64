import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { order, SUBJECT } from "./order.ts";

const ENCODER = new TextEncoder();

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
