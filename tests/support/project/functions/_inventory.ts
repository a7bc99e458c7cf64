import { type KvBucket, KvConflictError } from "weir";
import type { Order } from "../schemas/orders.ts";

/** The stock of one article, in the bucket `inventory`. */
export interface Stock {
  readonly onHand: number;
  /** Reserved quantity by order, so that reserving twice changes nothing. */
  readonly reserved: Readonly<Record<string, number>>;
}

/** The state of an order, in the bucket `orders`. */
export interface OrderState {
  readonly status: "reserved" | "rejected" | "confirmed";
}

/** Reserves the items of an order. Returns false at the first shortage, and leaves the earlier items reserved. */
export async function reserve(inventory: KvBucket<Stock>, { orderId, items }: Order): Promise<boolean> {
  let enough = true;
  for (const { sku, quantity } of items) {
    await change(inventory, sku, ({ onHand, reserved }) => {
      if (orderId in reserved) return { onHand, reserved };
      const free = onHand - Object.values(reserved).reduce((sum, one) => sum + one, 0);
      enough &&= free >= quantity;
      return { onHand, reserved: free < quantity ? reserved : { ...reserved, [orderId]: quantity } };
    });
  }
  return enough;
}

/** Ends the reservations of an order. With `shipped` the items leave the stock. */
export async function settle(inventory: KvBucket<Stock>, { orderId, items }: Order, shipped: boolean): Promise<void> {
  for (const { sku } of items) {
    await change(inventory, sku, ({ onHand, reserved: { [orderId]: quantity = 0, ...reserved } }) => ({
      onHand: shipped ? onHand - quantity : onHand,
      reserved,
    }));
  }
}

/** Updates a stock by compare-and-set, and retries while another writer interferes. */
async function change(inventory: KvBucket<Stock>, sku: string, next: (stock: Stock) => Stock): Promise<void> {
  while (true) {
    const entry = await inventory.get(sku), stock = next(entry?.value ?? { onHand: 100, reserved: {} });
    try {
      await (entry ? inventory.update(sku, stock, entry.revision) : inventory.create(sku, stock));
      return;
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
    }
  }
}
