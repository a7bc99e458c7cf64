import { defineEvent } from "weir";
import { z } from "zod";
import { EMITTED_SUBJECT, SUBJECT } from "../order.ts";
import { OrderSchema } from "../order_schema.ts";

export const Ordered = defineEvent({ type: SUBJECT, version: 1, data: OrderSchema });
export const Emitted = defineEvent({
  type: EMITTED_SUBJECT,
  version: 1,
  data: z.object({ orderId: z.string(), units: z.int() }),
});
