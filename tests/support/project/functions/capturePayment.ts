import { defineFunction } from "weir";
import { PaymentCaptured, PaymentDeclined } from "../schemas/payments.ts";
import { StockReserved } from "../schemas/stock.ts";

/** Charges the customer. The order's id is the charge's idempotency key, so that a repeat charges once. */
export default defineFunction({
  on: StockReserved,
  emits: [PaymentCaptured, PaymentDeclined],
  timeout: "5s",
  dependencies: { PaymentService: { consecutiveFailures: 3, openFor: "5s", halfOpenProbes: 2 } },
}, async ({ data: order }, ctx) => {
  const answer = await ctx.dependency("PaymentService").call(async (signal) => {
    const response = await fetch(`${Deno.env.get("PAYMENT_URL") ?? "http://127.0.0.1:7070"}/charges`, {
      method: "POST",
      headers: { "idempotency-key": order.orderId },
      body: JSON.stringify({ amount: order.total }),
      signal,
    });
    return await response.json();
  });
  if (answer.chargeId) ctx.emit(PaymentCaptured, { ...order, chargeId: answer.chargeId });
  else ctx.emit(PaymentDeclined, { ...order, reason: answer.reason });
});
