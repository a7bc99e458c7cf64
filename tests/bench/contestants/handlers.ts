import type { Order, Receipt } from "../order.ts";
import type { HandlerShape } from "./task.ts";

/** Handles an order. `to` is what the contestant emits with. */
export type Handler<To> = (order: Order, to: To) => void | Promise<void>;

const IO_MS = 1, SLOW_MS = 1_000;

/**
 * Returns the handler that all contestants run. The result of `async`, `io` and `emit` is the promise of one `async`
 * function, as a handler written by a user returns it.
 */
export function handlerOf<To>(
  shape: HandlerShape,
  begin: (order: Order) => void,
  emit: (receipt: Receipt, to: To) => unknown,
): Handler<To> {
  const sum = (order: Order) => {
    begin(order);
    let units = 0;
    for (const { quantity } of order.items) units += quantity;
    return units;
  };
  let sold = 0;
  switch (shape) {
    case "sync":
      return (order) => void (sold += sum(order));
    case "async": // deno-lint-ignore require-await -- most handlers are async, whether or not they await
      return async (order) => void (sold += sum(order));
    case "io":
    case "slow": {
      const ms = shape === "io" ? IO_MS : SLOW_MS;
      return async (order) => {
        sold += sum(order);
        await new Promise((resolve) => setTimeout(resolve, ms));
      };
    }
    case "emit":
      return async (order, to) => {
        const units = sum(order);
        sold += units;
        await emit({ orderId: order.orderId, units }, to);
      };
  }
}
