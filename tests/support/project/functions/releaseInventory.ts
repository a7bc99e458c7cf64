import { defineFunction } from "weir";
import { OrderRejected } from "../schemas/orders.ts";
import { PaymentDeclined } from "../schemas/payments.ts";
import { StockRejected } from "../schemas/stock.ts";
import { type OrderState, settle, type Stock } from "./_inventory.ts";

/** Releases the reservations of a rejected order. */
export default defineFunction({
  on: [PaymentDeclined, StockRejected],
  emits: [OrderRejected],
  concurrency: 8,
}, async ({ data: { reason, ...order } }, ctx) => {
  await settle(ctx.kv<Stock>("inventory"), order, false);
  await ctx.kv<OrderState>("orders").put(order.orderId, { status: "rejected" });
  ctx.emit(OrderRejected, { orderId: order.orderId, reason });
});
