import { defineEvent } from "weir";
import { z } from "zod";

/** An id. It becomes a key in a NATS bucket, which allows these characters. */
const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, _ or -");

/** An order, as the shop posts it and every step passes it on. */
export const Order = z.object({
  orderId: Id,
  items: z.array(z.object({ sku: Id, quantity: z.int().positive() })).min(1),
  /** The total in cents. */
  total: z.int().nonnegative(),
});
export type Order = z.infer<typeof Order>;

/** A customer has placed an order. */
export const OrderCreated = defineEvent({
  type: "orders.created",
  version: 1,
  data: Order,
  ingress: { route: "/orders", progress: true },
});

/** An order was paid and shipped. */
export const OrderConfirmed = defineEvent({
  type: "orders.confirmed",
  version: 1,
  data: z.object({ orderId: Id, chargeId: z.string() }),
});

/** An order was rejected, and its reserved items were released. */
export const OrderRejected = defineEvent({
  type: "orders.rejected",
  version: 1,
  data: z.object({ orderId: Id, reason: z.string() }),
});
