import { z } from "zod";

const Line = z.object({ sku: z.string(), quantity: z.int().positive() });

/** The schema with which Weir and the careful loop validate an order. */
export const OrderSchema = z.object({
  orderId: z.string(),
  customer: z.string(),
  email: z.string(),
  address: z.object({ street: z.string(), city: z.string(), postcode: z.string(), country: z.string() }),
  items: z.array(Line),
  total: z.int(),
  note: z.string(),
  at: z.number(),
});
