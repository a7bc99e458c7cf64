import { defineEvent } from "weir";
import { z } from "zod";
import { Order } from "./orders.ts";

/** The customer has paid. */
export const PaymentCaptured = defineEvent({
  type: "payments.captured",
  version: 1,
  data: Order.extend({ chargeId: z.string() }),
});

/** The customer cannot pay. */
export const PaymentDeclined = defineEvent({
  type: "payments.declined",
  version: 1,
  data: Order.extend({ reason: z.string() }),
});
