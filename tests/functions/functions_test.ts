import assert from "node:assert/strict";
import { invoke, MemoryKvStore } from "weir/testing";
import capturePayment from "../../functions/capturePayment.ts";
import confirmOrder from "../../functions/confirmOrder.ts";
import releaseInventory from "../../functions/releaseInventory.ts";
import reserveInventory from "../../functions/reserveInventory.ts";
import { startPaymentService } from "../../functions/_dev/payment_service.ts";
import type { OrderState, Stock } from "../../functions/_inventory.ts";
import { StockRejected } from "../../schemas/stock.ts";

function setup(onHand: Record<string, number> = { book: 3 }) {
  const kv = new MemoryKvStore();
  const inventory = kv.bucket<Stock>("inventory"), orders = kv.bucket<OrderState>("orders");
  for (const [sku, units] of Object.entries(onHand)) inventory.put(sku, { onHand: units, reserved: {} });
  return { kv, inventory, orders };
}

const order = { orderId: "o1", items: [{ sku: "book", quantity: 2 }], total: 2_400 };

Deno.test("reserveInventory reserves the items of an order", async () => {
  const { kv, inventory, orders } = setup();
  const { outcome, emitted } = await invoke(reserveInventory, order, { kv });
  assert.deepEqual(outcome, { kind: "ack" });
  assert.deepEqual(emitted.map(({ type, data }) => [type, data]), [["stock.reserved", order]]);
  assert.deepEqual((await inventory.get("book"))?.value, { onHand: 3, reserved: { o1: 2 } });
  assert.deepEqual((await orders.get("o1"))?.value, { status: "reserved" });
});

Deno.test("reserveInventory, run again for one order, reserves nothing more and emits the same event", async () => {
  const { kv, inventory } = setup();
  const first = await invoke(reserveInventory, order, { kv });
  const second = await invoke(reserveInventory, order, { kv, attempt: 2 });
  assert.deepEqual(second.emitted, first.emitted);
  assert.deepEqual((await inventory.get("book"))?.value, { onHand: 3, reserved: { o1: 2 } });
});

Deno.test("reserveInventory rejects an order for more than the stock", async () => {
  const { kv } = setup({ book: 3, lamp: 1 });
  const both = { ...order, items: [...order.items, { sku: "lamp", quantity: 2 }] };
  const { emitted } = await invoke(reserveInventory, both, { kv });
  assert.deepEqual(emitted.map(({ type, data }) => [type, (data as { reason: string }).reason]), [
    ["stock.rejected", "not enough of lamp"],
  ]);
});

Deno.test("reserveInventory gives the last article to one of two orders", async () => {
  const { kv, inventory } = setup({ book: 1 });
  const last = { items: [{ sku: "book", quantity: 1 }], total: 1_200 };
  const results = await Promise.all([
    invoke(reserveInventory, { orderId: "a", ...last }, { kv }),
    invoke(reserveInventory, { orderId: "b", ...last }, { kv }),
  ]);
  assert.deepEqual(results.map(({ emitted }) => emitted[0].type).sort(), ["stock.rejected", "stock.reserved"]);
  assert.equal(Object.keys((await inventory.get("book"))!.value.reserved).length, 1);
});

Deno.test("reserveInventory leaves nothing reserved for an order that has ended", async () => {
  const { kv, inventory, orders } = setup();
  const slow = kv.bucket.bind(kv);
  // Another delivery ends the order after this one has read its state.
  kv.bucket = <Value>(name: string) => {
    const bucket = slow<Value>(name);
    if (name !== "orders") return bucket;
    return Object.assign(Object.create(bucket), {
      create: async (key: string, value: Value) => {
        await orders.put("o1", { status: "confirmed" });
        return await bucket.create(key, value);
      },
      get: (key: string) => bucket.get(key),
    });
  };
  await invoke(reserveInventory, order, { kv });
  assert.deepEqual((await inventory.get("book"))?.value, { onHand: 3, reserved: {} });
});

Deno.test("confirmOrder ships the reserved items once", async () => {
  const { kv, inventory, orders } = setup();
  await invoke(reserveInventory, order, { kv });
  const paid = { ...order, chargeId: "c1" };
  await invoke(confirmOrder, paid, { kv });
  const { emitted } = await invoke(confirmOrder, paid, { kv, attempt: 2 });
  assert.deepEqual(emitted.map(({ type, data }) => [type, data]), [
    ["orders.confirmed", { orderId: "o1", chargeId: "c1" }],
  ]);
  assert.deepEqual((await inventory.get("book"))?.value, { onHand: 1, reserved: {} });
  assert.deepEqual((await orders.get("o1"))?.value, { status: "confirmed" });
});

Deno.test("releaseInventory releases the reserved items and rejects the order", async () => {
  const { kv, inventory, orders } = setup();
  await invoke(reserveInventory, order, { kv });
  const rejected = { ...order, reason: "not enough of lamp" };
  const { emitted } = await invoke(releaseInventory, rejected, { kv, event: StockRejected });
  assert.deepEqual(emitted.map(({ type, data }) => [type, data]), [
    ["orders.rejected", { orderId: "o1", reason: "not enough of lamp" }],
  ]);
  assert.deepEqual((await inventory.get("book"))?.value, { onHand: 3, reserved: {} });
  assert.equal((await orders.get("o1"))?.value.status, "rejected");
});

Deno.test("capturePayment charges once for repeated runs, and tells a refusal from an outage", async (t) => {
  await using service = startPaymentService(0);
  Deno.env.set("PAYMENT_URL", service.url);
  await t.step("a charge", async () => {
    const first = await invoke(capturePayment, order);
    const second = await invoke(capturePayment, order, { attempt: 2 });
    assert.equal(first.emitted[0].type, "payments.captured");
    assert.deepEqual(second.emitted, first.emitted);
    assert.equal(service.charges.size, 1);
  });
  await t.step("a customer who cannot pay", async () => {
    const { outcome, emitted } = await invoke(capturePayment, { ...order, orderId: "o2", total: 100_001 });
    assert.deepEqual(outcome, { kind: "ack" });
    assert.equal(emitted[0].type, "payments.declined");
  });
  await t.step("a service that fails", async () => {
    await service.setMode("failing");
    const { outcome, emitted } = await invoke(capturePayment, { ...order, orderId: "o3" });
    assert.ok(outcome.kind === "retry");
    assert.equal(outcome.error?.message, "the payment service answered 500");
    assert.deepEqual(emitted, []);
  });
});
