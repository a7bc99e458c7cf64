import { defineFunction } from "weir";
import { OrderConfirmed } from "../schemas/orders.ts";
import { PaymentCaptured } from "../schemas/payments.ts";
import { type OrderState, settle, type Stock } from "./_inventory.ts";

/** Takes the items of a paid order out of the stock. */
export default defineFunction({
  on: PaymentCaptured,
  emits: [OrderConfirmed],
  concurrency: 8,
}, async ({ data: { orderId, chargeId, ...order } }, ctx) => {
  await settle(ctx.kv<Stock>("inventory"), { orderId, ...order }, true);
  await ctx.kv<OrderState>("orders").put(orderId, { status: "confirmed" });
  ctx.emit(OrderConfirmed, { orderId, chargeId });
});
