import { defineFunction, NonRetryableError } from "weir";
import { PaymentCaptured, PaymentDeclined } from "../schemas/payments.ts";
import { StockReserved } from "../schemas/stock.ts";

const paymentUrl = () => Deno.env.get("PAYMENT_URL") ?? "http://127.0.0.1:7070";

/** Charges the customer. The order's id is the charge's idempotency key, so a repeat does not charge again. */
export default defineFunction({
  on: StockReserved,
  emits: [PaymentCaptured, PaymentDeclined],
  timeout: "5s",
  // The breaker opens before one order uses its five attempts. While it is open, no attempt is used.
  dependencies: { PaymentService: { consecutiveFailures: 3, openFor: "5s", halfOpenProbes: 2 } },
}, async ({ data: order }, ctx) => {
  const charge = await ctx.dependency("PaymentService").call(async (signal) => {
    const response = await fetch(`${paymentUrl()}/charges`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": order.orderId },
      body: JSON.stringify({ orderId: order.orderId, amount: order.total }),
      signal,
    });
    const answer = await response.json();
    if (response.status >= 500) throw new Error(`the payment service answered ${response.status}`);
    if (response.status === 402) return { declined: String(answer.reason) };
    if (!response.ok) throw new NonRetryableError(`the payment service refused the charge: ${response.status}`);
    return { id: String(answer.chargeId) };
  });
  if (charge.id !== undefined) ctx.emit(PaymentCaptured, { ...order, chargeId: charge.id });
  else ctx.emit(PaymentDeclined, { ...order, reason: charge.declined });
});
