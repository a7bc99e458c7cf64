import { defineFunction } from "weir";
import { OrderConfirmed } from "../schemas/orders.ts";
import { PaymentCaptured } from "../schemas/payments.ts";
import { type OrderState, ship, type Stock } from "./_inventory.ts";

/** Ships an order that was paid. */
export default defineFunction({
  on: PaymentCaptured,
  emits: [OrderConfirmed],
  concurrency: 8,
}, async ({ data: order }, ctx) => {
  await ship(ctx.kv<Stock>("inventory"), order);
  await ctx.kv<OrderState>("orders").put(order.orderId, { status: "confirmed" });
  ctx.emit(OrderConfirmed, { orderId: order.orderId, chargeId: order.chargeId });
  ctx.log.info("order confirmed", { order: order.orderId });
});
