import { defineEvent, type EventDefinition } from "weir";
import { z } from "zod";
import { buildRegistry, type Registry } from "../../runtime/project/registry.ts";

/** A recursive schema. */
const Comment = z.object({
  text: z.string(),
  get replies() {
    return z.array(Comment).optional();
  },
});
const Money = z.object({ amount: z.int(), currency: z.enum(["EUR", "USD"]) }).meta({
  id: "Money",
  description: "An amount in cents.",
});

/** Events with all kinds of schemas. */
export const EVENTS: Readonly<Record<string, EventDefinition>> = {
  Plain: defineEvent({
    type: "shop.ordered",
    version: 2,
    data: z.object({ id: z.string(), "strange name": z.number().optional(), note: z.string().nullable() })
      .describe("An order. It has */ in its text."),
    ingress: { route: "/orders" },
  }),
  Recursive: defineEvent({ type: "shop.commented", version: 1, data: Comment, ingress: {} }),
  Shared: defineEvent({
    type: "shop.paid",
    version: 1,
    data: z.object({ total: Money, parts: z.array(Money).min(1) }),
    ingress: {},
  }),
  Union: defineEvent({
    type: "shop.moved",
    version: 1,
    data: z.discriminatedUnion("by", [
      z.object({ by: z.literal("ship"), port: z.string() }),
      z.object({ by: z.literal("road"), plate: z.union([z.string(), z.int()]) }),
    ]),
    ingress: {},
  }),
  Tuple: defineEvent({
    type: "shop.located",
    version: 1,
    data: z.object({ at: z.tuple([z.number(), z.number()]).rest(z.string()), tags: z.record(z.string(), z.int()) }),
    ingress: {},
  }),
  Checked: defineEvent({
    type: "shop.checked",
    version: 1,
    data: z.object({
      even: z.int().refine((n) => n % 2 === 0),
      count: z.coerce.number(),
      mode: z.string().default("fast"),
    }),
    ingress: {},
  }),
  Empty: defineEvent({ type: "shop.pinged", version: 1, data: z.undefined(), ingress: {} }),
  Optional: defineEvent({ type: "shop.opened", version: 1, data: z.object({ n: z.int() }).optional(), ingress: {} }),
  Internal: defineEvent({ type: "secret.audited", version: 1, data: z.object({ who: z.string() }) }),
};

/** Returns a registry of these events, and of functions by their names. */
export function registryOf(
  events: Readonly<Record<string, unknown>> = EVENTS,
  functions: Readonly<Record<string, unknown>> = {},
): Registry {
  return buildRegistry(
    [{ file: "schemas/events.ts", exports: events }],
    Object.entries(functions).map(([name, fn]) => ({ file: `functions/${name}.ts`, exports: { default: fn } })),
  );
}
