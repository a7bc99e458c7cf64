import { defineFunction, KvConflictError } from "weir";
import { OrderCreated } from "../schemas/orders.ts";
import { StockRejected, StockReserved } from "../schemas/stock.ts";
import { type OrderState, release, reserve, type Stock } from "./_inventory.ts";

/** Reserves the items of an order, or rejects it. */
export default defineFunction({
  on: OrderCreated,
  emits: [StockReserved, StockRejected],
  concurrency: 8,
}, async ({ data: order }, ctx) => {
  const inventory = ctx.kv<Stock>("inventory"), orders = ctx.kv<OrderState>("orders");
  let state = (await orders.get(order.orderId))?.value;
  if (!state) {
    const reason = await reserve(inventory, order);
    state = reason === undefined ? { status: "reserved" } : { status: "rejected", reason };
    try {
      await orders.create(order.orderId, state);
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
      // Another delivery of this event was first. If it has ended the order, its items must not stay reserved.
      state = (await orders.get(order.orderId))!.value;
      if (state.status !== "reserved") await release(inventory, order);
    }
  }
  if (state.status === "rejected") ctx.emit(StockRejected, { ...order, reason: state.reason ?? "rejected" });
  else ctx.emit(StockReserved, order);
});
