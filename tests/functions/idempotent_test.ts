import assert from "node:assert/strict";
import { assertIdempotent, type CrashOptions, type MemoryKvStore } from "weir/testing";
import capturePayment from "../../functions/capturePayment.ts";
import confirmOrder from "../../functions/confirmOrder.ts";
import releaseInventory from "../../functions/releaseInventory.ts";
import reserveInventory from "../../functions/reserveInventory.ts";
import { type PaymentService, startPaymentService } from "../../functions/_dev/payment_service.ts";
import type { OrderState, Stock } from "../../functions/_inventory.ts";
import { StockRejected } from "../../schemas/stock.ts";

const order = {
  orderId: "o1",
  items: [{ sku: "book", quantity: 2 }, { sku: "lamp", quantity: 1 }, { sku: "book", quantity: 1 }],
  total: 2_400,
};

/** Makes a `setup` with articles on hand, of which the order has reserved some. */
function stocked(onHand: Record<string, number>, reserved: Record<string, number> = {}) {
  return async ({ kv }: { kv: MemoryKvStore }) => {
    for (const [sku, units] of Object.entries(onHand)) {
      const own: Stock["reserved"] = sku in reserved ? { o1: reserved[sku] } : {};
      await kv.bucket<Stock>("inventory").put(sku, { onHand: units, reserved: { other: 1, ...own } });
    }
    if (Object.keys(reserved).length > 0) await kv.bucket<OrderState>("orders").put("o1", { status: "reserved" });
  };
}

Deno.test("reserveInventory reserves an order's items once, after any two crashes", async () => {
  const setup = stocked({ book: 9, lamp: 9 });
  const { points } = await assertIdempotent(reserveInventory, order, { setup, depth: 2 });
  assert.ok(points.some(({ at }) => at === 'after kv inventory.update("lamp")'));
});

Deno.test("reserveInventory rejects an order, after any two crashes", async () => {
  await assertIdempotent(reserveInventory, order, { setup: stocked({ book: 9, lamp: 1 }), depth: 2 });
});

Deno.test("confirmOrder ships the reserved items once, after any two crashes", async () => {
  const setup = stocked({ book: 9, lamp: 9 }, { book: 3, lamp: 1 });
  await assertIdempotent(confirmOrder, { ...order, chargeId: "c1" }, { setup, depth: 2 });
});

Deno.test("releaseInventory releases the reserved items once, after any two crashes", async () => {
  const setup = stocked({ book: 9, lamp: 9 }, { book: 3 });
  const rejected = { ...order, reason: "not enough of lamp" };
  await assertIdempotent(releaseInventory, rejected, { setup, event: StockRejected, depth: 2 });
});

Deno.test("capturePayment charges once or declines, after any crash", async (t) => {
  const options: CrashOptions<PaymentService> = {
    setup: () => {
      const service = startPaymentService(0);
      Deno.env.set("PAYMENT_URL", service.url);
      return service;
    },
    world: ({ charges }) => charges,
  };
  await t.step("a charge", async () => {
    const { points, varies } = await assertIdempotent(capturePayment, order, options);
    assert.equal(points.filter(({ at }) => /^(before|after) fetch POST/.test(at)).length, 2);
    assert.ok(varies.includes("world.o1"), varies.join()); // the id of a charge is random
  });
  await t.step("a customer who cannot pay", async () => {
    await assertIdempotent(capturePayment, { ...order, total: 100_001 }, options);
  });
  await t.step("two crashes in a row", async () => {
    await assertIdempotent(capturePayment, order, { ...options, depth: 2 });
  });
});
