import { defineEvent } from "weir";
import { z } from "zod";

export const Order = defineEvent({
  type: "orders.created",
  version: 1,
  data: z.object({ orderId: z.string(), items: z.array(z.object({ sku: z.string(), quantity: z.int() })) }),
  ingress: { route: "/orders" },
});
export const Any = defineEvent({ type: "orders.any", version: 1, data: z.any(), ingress: { progress: true } });
export const Strict = defineEvent({
  type: "orders.strict",
  version: 1,
  data: z.strictObject({ count: z.int(), tags: z.record(z.string(), z.boolean()).optional() }),
  ingress: {},
});
export const Internal = defineEvent({ type: "orders.internal", version: 1, data: z.any() });
