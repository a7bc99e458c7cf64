import type { Delivery } from "../../runtime/core/delivery.ts";
import type { Decoded } from "../../runtime/core/cloudevent.ts";
import { OwnHeaders } from "../../runtime/core/event_headers.ts";
import { HeaderList } from "../../runtime/core/headers.ts";

/** Returns a delivery of sequence 42 of `ORDERS`, with these headers, payload and subject. */
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
    headers: new HeaderList(Object.entries(headers)),
    history: { attempts: 0, excusedDeliveries: 0, redrives: 0 },
    messageKey: "ORDERS.7",
    ackSubject: new TextEncoder().encode("$JS.ACK.ORDERS.test.1.42.1.0.0"),
  };
}

/** The headers of an event without any. */
export const NO_HEADERS = new OwnHeaders(new HeaderList());

/** Returns a decoded message whose event can be compared with a literal. Its headers are left out. */
export const plain = (decoded: Decoded) => ({ ...decoded, event: { ...decoded.event } });
