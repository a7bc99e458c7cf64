import { type KvBucket, KvConflictError } from "weir";
import type { Order } from "../schemas/orders.ts";

/** The stock of one article, in the key-value bucket `inventory`. */
export interface Stock {
  readonly onHand: number;
  /** Reserved units by order. An order is listed once, which makes each step safe to repeat. */
  readonly reserved: Readonly<Record<string, number>>;
}

/** The state of an order, in the key-value bucket `orders`. It is written once the order is reserved or rejected. */
export interface OrderState {
  readonly status: "reserved" | "rejected" | "confirmed";
  readonly reason?: string;
}

/** The stock of an article that the bucket does not have yet. */
const OPENING_STOCK: Stock = { onHand: 100, reserved: {} };

/** Reserves the items of an order. Returns the reason if one is short; the items before it stay reserved. */
export async function reserve(inventory: KvBucket<Stock>, order: Order): Promise<string | undefined> {
  for (const [sku, quantity] of quantities(order)) {
    const short = await change(inventory, sku, (stock) => {
      if (order.orderId in stock.reserved) return undefined;
      const free = stock.onHand - Object.values(stock.reserved).reduce((sum, units) => sum + units, 0);
      if (free < quantity) return "short";
      return { ...stock, reserved: { ...stock.reserved, [order.orderId]: quantity } };
    });
    if (short) return `not enough of ${sku}`;
  }
  return undefined;
}

/** Ships the reserved items of an order. */
export async function ship(inventory: KvBucket<Stock>, order: Order): Promise<void> {
  await forEachReserved(inventory, order, (stock, quantity) => ({ ...stock, onHand: stock.onHand - quantity }));
}

/** Releases the reserved items of an order. */
export async function release(inventory: KvBucket<Stock>, order: Order): Promise<void> {
  await forEachReserved(inventory, order, (stock) => stock);
}

/** Returns the units of each article. An order may list an article on several lines. */
function quantities(order: Order): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of order.items) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return sums;
}

async function forEachReserved(
  inventory: KvBucket<Stock>,
  order: Order,
  settle: (stock: Stock, quantity: number) => Stock,
): Promise<void> {
  for (const sku of quantities(order).keys()) {
    await change(inventory, sku, (stock) => {
      const { [order.orderId]: quantity, ...reserved } = stock.reserved;
      return quantity === undefined ? undefined : { ...settle(stock, quantity), reserved };
    });
  }
}

/**
 * Changes an entry by compare-and-set: reads it, decides, and writes only if the entry has not changed since; else it
 * starts over. Of two orders for the last article, the second to write reads the stock again.
 */
async function change(
  inventory: KvBucket<Stock>,
  sku: string,
  decide: (stock: Stock) => Stock | "short" | undefined,
): Promise<boolean> {
  while (true) {
    const entry = await inventory.get(sku);
    const next = decide(entry?.value ?? OPENING_STOCK);
    if (next === undefined) return false;
    if (next === "short") return true;
    try {
      await (entry ? inventory.update(sku, next, entry.revision) : inventory.create(sku, next));
      return false;
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
    }
  }
}
