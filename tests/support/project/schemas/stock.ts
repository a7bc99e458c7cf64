import { defineEvent } from "weir";
import { z } from "zod";
import { Order } from "./orders.ts";

/** All items of the order are reserved. */
export const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: Order });

/** An item is short. The reservations of the order must be released. */
export const StockRejected = defineEvent({
  type: "stock.rejected",
  version: 1,
  data: Order.extend({ reason: z.string() }),
});
