import { defineEvent } from "weir";
import { z } from "zod";

/** Ids become keys in NATS, which allows these characters. */
const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, _ or -");

/** An order, as the shop sends it and each function emits it. */
export const Order = z.object({
  orderId: Id,
  items: z.array(z.object({ sku: Id, quantity: z.int().positive() })).min(1),
  /** Amount in cents. */
  total: z.int().nonnegative(),
});
export type Order = z.infer<typeof Order>;

/** A customer placed an order. */
export const OrderCreated = defineEvent({
  type: "orders.created",
  version: 1,
  data: Order,
  ingress: { route: "/orders" },
});

/** The order is paid and shipped. */
export const OrderConfirmed = defineEvent({
  type: "orders.confirmed",
  version: 1,
  data: z.object({ orderId: Id, chargeId: z.string() }),
});

/** The order was rejected, and its reservations are released. */
export const OrderRejected = defineEvent({
  type: "orders.rejected",
  version: 1,
  data: z.object({ orderId: Id, reason: z.string() }),
});
