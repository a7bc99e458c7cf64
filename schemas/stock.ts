import { defineEvent } from "weir";
import { z } from "zod";
import { Order } from "./orders.ts";

/** All items of an order are reserved. */
export const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: Order });

/** The stock of an item does not suffice. Items reserved for the order must be released. */
export const StockRejected = defineEvent({
  type: "stock.rejected",
  version: 1,
  data: Order.extend({ reason: z.string() }),
});
