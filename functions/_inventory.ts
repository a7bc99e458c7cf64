import { type KvBucket, KvConflictError } from "weir";
import type { Order } from "../schemas/orders.ts";

/** What there is of one article, in the key-value bucket `inventory`. */
export interface Stock {
  readonly onHand: number;
  /** How many are set aside for which order. It makes each step safe to repeat: an order is in here once. */
  readonly reserved: Readonly<Record<string, number>>;
}

/** Where an order stands, in the key-value bucket `orders`. Reserving leaves it behind, so that it is done once. */
export interface OrderState {
  readonly status: "reserved" | "rejected" | "confirmed";
  readonly reason?: string;
}

/** What an article that nobody has stocked yet starts with. */
const OPENING_STOCK: Stock = { onHand: 100, reserved: {} };

/** Sets everything of an order aside; says what there is not enough of, with the rest left set aside. */
export async function reserve(inventory: KvBucket<Stock>, order: Order): Promise<string | undefined> {
  for (const [sku, quantity] of quantities(order)) {
    const short = await change(inventory, sku, (stock) => {
      if (order.orderId in stock.reserved) return undefined;
      const free = stock.onHand - Object.values(stock.reserved).reduce((sum, one) => sum + one, 0);
      if (free < quantity) return "short";
      return { ...stock, reserved: { ...stock.reserved, [order.orderId]: quantity } };
    });
    if (short) return `not enough of ${sku}`;
  }
  return undefined;
}

/** What was set aside leaves the house. */
export async function ship(inventory: KvBucket<Stock>, order: Order): Promise<void> {
  await forEachReserved(inventory, order, (stock, quantity) => ({ ...stock, onHand: stock.onHand - quantity }));
}

/** What was set aside is free again. */
export async function release(inventory: KvBucket<Stock>, order: Order): Promise<void> {
  await forEachReserved(inventory, order, (stock) => stock);
}

/** How many of each article; an order may name one on several lines. */
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
 * Compare-and-set: reads, decides, and writes only if nobody else has written in between; else reads again. Of two
 * orders for the last article one writes first, and the other sees that it has.
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
