import type { Delivery } from "../../runtime/core/delivery.ts";
import { HeaderList } from "../../runtime/core/headers.ts";

/** A delivery of sequence 42 of `ORDERS`, with what matters to a test in it. */
export function delivery(
  { headers = {}, payload = "{}", subject = "orders.created" }: {
    headers?: Record<string, string>;
    payload?: string | Uint8Array;
    subject?: string;
  } = {},
): Delivery {
  return {
    stream: "ORDERS",
    sequence: 42,
    subject,
    deliveryCount: 1,
    storedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
    headers: HeaderList.of(Object.entries(headers)),
    earlier: { attempts: 0, freeRetries: 0, redrives: 0 },
    place: "ORDERS.7",
    handle: "$JS.ACK.ORDERS.test.1.42.1.0.0",
  };
}
