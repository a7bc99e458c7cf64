/**
 * The event that every contestant handles: an order of 520 bytes, and the event that a handler emits for it.
 *
 * Imports nothing, since every import adds to the memory of a contestant.
 */
export const STREAM = "BENCH";
export const SUBJECT = "bench.ordered";
/** Holds what handlers emit, so that no contestant has to filter it out. */
export const EMITTED_STREAM = "EMITTED";
export const EMITTED_SUBJECT = "emitted.receipt";

export interface Order {
  readonly orderId: string;
  readonly customer: string;
  readonly email: string;
  readonly address: {
    readonly street: string;
    readonly city: string;
    readonly postcode: string;
    readonly country: string;
  };
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
  readonly total: number;
  readonly note: string;
  /** When it should have been sent, in milliseconds since 1970 with fractions; 0 if latency is not measured. */
  readonly at: number;
}

/** The data of an emitted event. */
export interface Receipt {
  readonly orderId: string;
  readonly units: number;
}

const PREFIX = "order-";
const ADDRESS = { street: "12 St James's Square", city: "London", postcode: "SW1Y 4JH", country: "GB" };
const ITEMS = Array.from({ length: 4 }, (_, i) => ({ sku: `article-${i}`, quantity: i + 1 }));

export function order(n: number, at = 0): Order {
  return {
    orderId: PREFIX + n,
    customer: "Ada Lovelace",
    email: "ada.lovelace@example.com",
    address: ADDRESS,
    items: ITEMS,
    total: 12_345,
    note:
      "Please leave it with the neighbours on the ground floor if the door stays shut, and ring twice: the bell of the " +
      "second house is hard to hear in the back yard.",
    at,
  };
}

/** Returns the number of an order. Orders are numbered from 0. */
export function numberOf(orderId: string): number {
  return Number(orderId.slice(PREFIX.length));
}

/** Returns the time in milliseconds with fractions, comparable between processes. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
