import { defineEvent } from "weir";
import { z } from "zod";
import { Order } from "./orders.ts";

/** Everything the order asks for is set aside. */
export const StockReserved = defineEvent({ type: "stock.reserved", version: 1, data: Order });

/** There is not enough of something; what was set aside for the order has to be released. */
export const StockRejected = defineEvent({
  type: "stock.rejected",
  version: 1,
  data: Order.extend({ reason: z.string() }),
});
