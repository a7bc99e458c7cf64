import assert from "node:assert/strict";
import { startTestRuntime } from "weir/testing";
import capturePayment from "../support/project/functions/capturePayment.ts";
import confirmOrder from "../support/project/functions/confirmOrder.ts";
import releaseInventory from "../support/project/functions/releaseInventory.ts";
import reserveInventory from "../support/project/functions/reserveInventory.ts";
import { startPaymentService } from "../support/project/functions/_dev/payment_service.ts";
import type { OrderState, Stock } from "../support/project/functions/_inventory.ts";
import { OrderConfirmed, OrderRejected } from "../support/project/schemas/orders.ts";
import { eventually } from "../support/eventually.ts";

const functions = { reserveInventory, capturePayment, confirmOrder, releaseInventory };

async function setup() {
  const service = startPaymentService(0);
  Deno.env.set("PAYMENT_URL", service.url);
  const runtime = await startTestRuntime({ functions });
  const post = (order: object) =>
    fetch(`${runtime.url}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    });
  return {
    service,
    runtime,
    post,
    [Symbol.asyncDispose]: async () => {
      await runtime.stop();
      await service[Symbol.asyncDispose]();
    },
  };
}

Deno.test("order flow confirms an order that is posted over HTTP, charges it and ships it", async () => {
  await using shop = await setup();
  const response = await shop.post({ orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2_400 });
  assert.equal(response.status, 202);
  const { type, stream, sequence, duplicate } = await response.json();
  assert.deepEqual({ type, stream, sequence, duplicate }, {
    type: "orders.created",
    stream: "ORDERS",
    sequence: 1,
    duplicate: false,
  });
  const { data } = await shop.runtime.waitForEvent(OrderConfirmed);
  assert.deepEqual(data, { orderId: "o1", chargeId: shop.service.charges.get("o1") });
  assert.deepEqual((await shop.runtime.kv<Stock>("inventory").get("book"))?.value, { onHand: 98, reserved: {} });
  assert.deepEqual((await shop.runtime.kv<OrderState>("orders").get("o1"))?.value, { status: "confirmed" });
});

Deno.test("order flow rejects an order over the credit limit, and releases its stock", async () => {
  await using shop = await setup();
  const response = await shop.post({ orderId: "o1", items: [{ sku: "yacht", quantity: 1 }], total: 90_000_000 });
  await response.body?.cancel();
  const { data } = await shop.runtime.waitForEvent(OrderRejected);
  assert.deepEqual(data, { orderId: "o1", reason: "over the credit limit" });
  assert.deepEqual((await shop.runtime.kv<Stock>("inventory").get("yacht"))?.value, { onHand: 100, reserved: {} });
});

Deno.test("order flow delays orders while the payment service is down, and completes all once it is up", async () => {
  await using shop = await setup();
  await shop.service.setMode("down");
  const ids = Array.from({ length: 40 }, (_, i) => `o${i}`);
  for (const orderId of ids) {
    const response = await shop.post({ orderId, items: [{ sku: "book", quantity: 1 }], total: 1_200 });
    assert.equal(response.status, 202);
    await response.body?.cancel();
  }
  await breakerBecomes(shop.runtime.adminUrl, "open");
  await shop.service.setMode("ok");
  for (const orderId of ids) await shop.runtime.waitForEvent(OrderConfirmed, (order) => order.orderId === orderId);
  assert.equal(shop.service.charges.size, 40);
  assert.deepEqual((await shop.runtime.kv<Stock>("inventory").get("book"))?.value, { onHand: 60, reserved: {} });
});

/** Resolves once the breaker of the payment service is in that state. It stays open while the service is down. */
async function breakerBecomes(adminUrl: string, state: string): Promise<void> {
  await eventually(async () => {
    const functions = await (await fetch(`${adminUrl}/functions`)).json();
    const capture = functions.find(({ name }: { name: string }) => name === "capturePayment");
    return capture.dependencies.PaymentService === state;
  });
}
