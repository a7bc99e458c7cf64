import { defineFunction } from "weir";
import { OrderCreated } from "../schemas/orders.ts";
import { StockRejected, StockReserved } from "../schemas/stock.ts";
import { type OrderState, reserve, type Stock } from "./_inventory.ts";

/** Reserves the items of an order, or rejects the order. */
export default defineFunction({
  on: OrderCreated,
  emits: [StockReserved, StockRejected],
  concurrency: 8,
}, async ({ data: order }, ctx) => {
  const orders = ctx.kv<OrderState>("orders");
  let state = (await orders.get(order.orderId))?.value;
  if (!state) {
    const reserved = await reserve(ctx.kv<Stock>("inventory"), order);
    state = reserved ? { status: "reserved" } : { status: "rejected" };
    await orders.put(order.orderId, state);
  }
  if (state.status === "rejected") ctx.emit(StockRejected, { ...order, reason: "not enough" });
  else ctx.emit(StockReserved, order);
});
