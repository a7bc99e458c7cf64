import { defineFunction } from "weir";
import { OrderRejected } from "../schemas/orders.ts";
import { PaymentDeclined } from "../schemas/payments.ts";
import { StockRejected } from "../schemas/stock.ts";
import { type OrderState, release, type Stock } from "./_inventory.ts";

/** Compensates: releases the items of an order that was rejected or not paid. */
export default defineFunction({
  on: [PaymentDeclined, StockRejected],
  emits: [OrderRejected],
  concurrency: 8,
}, async ({ data: order }, ctx) => {
  await release(ctx.kv<Stock>("inventory"), order);
  await ctx.kv<OrderState>("orders").put(order.orderId, { status: "rejected", reason: order.reason });
  ctx.emit(OrderRejected, { orderId: order.orderId, reason: order.reason });
  ctx.log.info("order rejected", { order: order.orderId, reason: order.reason });
});
