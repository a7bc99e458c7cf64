import type { Delivery } from "../core/delivery.ts";

/** The events that an operator cancelled: each becomes a dead letter at its next attempt. */
export interface CancelledEvents {
  has(functionName: string, delivery: Delivery): boolean;
}
