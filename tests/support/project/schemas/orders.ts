import { defineEvent } from "weir";
import { z } from "zod";

/** Ids become keys in NATS, which takes these characters. */
const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, _ or -");

/** An order, as the shop sends it and every step passes it on. */
export const Order = z.object({
  orderId: Id,
  items: z.array(z.object({ sku: Id, quantity: z.int().positive() })).min(1),
  /** In cents. */
  total: z.int().nonnegative(),
});
export type Order = z.infer<typeof Order>;

/** Somebody ordered something. */
export const OrderCreated = defineEvent({
  type: "orders.created",
  version: 1,
  data: Order,
  ingress: { route: "/orders" },
});

/** Paid for, and on its way. */
export const OrderConfirmed = defineEvent({
  type: "orders.confirmed",
  version: 1,
  data: z.object({ orderId: Id, chargeId: z.string() }),
});

/** It came to nothing, and everything done for it is undone. */
export const OrderRejected = defineEvent({
  type: "orders.rejected",
  version: 1,
  data: z.object({ orderId: Id, reason: z.string() }),
});
