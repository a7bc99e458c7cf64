import assert from "node:assert/strict";
import { z } from "zod";
import { resolveEvents } from "../../runtime/project/resolve_events.ts";
import { StreamMap } from "../../runtime/project/resolve_streams.ts";
import { event, problemsOf, schemas } from "../support/modules.ts";

Deno.test("resolveEvents finds events by type in every file", () => {
  const created = event("orders.created"), confirmed = event("orders.confirmed"), paid = event("payments.captured");
  const problems: string[] = [];
  const { events } = resolveEvents(
    [schemas("orders", created, "no event", null, confirmed), schemas("payments", paid)],
    new StreamMap(),
    problems,
  );
  assert.deepEqual([...events], [
    ["orders.created", created],
    ["orders.confirmed", confirmed],
    ["payments.captured", paid],
  ]);
  assert.deepEqual(problems, []);
});

Deno.test("resolveEvents counts a definition that is exported twice once", () => {
  const created = event("orders.created");
  assert.deepEqual(problemsOf([schemas("orders", created), schemas("index", created)]), []);
});

Deno.test("resolveEvents refuses two definitions of one type, and names both files", () => {
  const twice = [schemas("orders", event("orders.created")), schemas("shop", event("orders.created"))];
  assert.deepEqual(problemsOf(twice), [
    'schemas/shop.ts: event "orders.created" is already declared in schemas/orders.ts: a type has one definition',
  ]);
});

for (const type of ["orders", "", "orders.", ".created", "orders.*", "orders.>", "orders created.x", "größe.neu", 7]) {
  Deno.test(`resolveEvents refuses the type ${JSON.stringify(type)}`, () => {
    assert.deepEqual(problemsOf([schemas("orders", event(type as string))]), [
      `schemas/orders.ts: event ${JSON.stringify(type)}: ` +
      'a type is two or more tokens of letters, digits, _ and -, such as "orders.created"',
    ]);
  });
}

Deno.test("resolveEvents refuses a reserved type", () => {
  assert.deepEqual(problemsOf([schemas("letters", event("dead_letters.orders"))]), [
    'schemas/letters.ts: event "dead_letters.orders": ' +
    '"dead_letters.orders" overlaps dead_letters.>, which is reserved',
  ]);
});

const rows: [what: string, options: object, problem: string][] = [
  ["a version of zero", { version: 0 }, "version 0 is not a whole number from 1"],
  ["a version of text", { version: "1" }, 'version "1" is not a whole number from 1'],
  [
    "upcasts that do not lead to the version",
    { version: 3, upcasts: { 1: () => 1 } },
    "upcasts: version 2 is missing: each function leads to the next version, so that 1 leads to 3",
  ],
  ["half a version", { version: 1.5 }, "version 1.5 is not a whole number from 1"],
  [
    "data that is no schema",
    { data: { orderId: "string" } },
    "data is not a zod schema, such as z.object({ orderId: z.string() })",
  ],
  [
    "data that is a bare list of fields",
    { data: { orderId: z.string() } },
    "data is not a zod schema: put it into z.object(…)",
  ],
  [
    "a date in the data",
    { data: z.object({ at: z.date() }) },
    "its data cannot travel as JSON: at: Date cannot be represented in JSON Schema (use z.iso.datetime() for a time)",
  ],
  [
    "a bigint in the data",
    { data: z.object({ total: z.bigint() }) },
    "its data cannot travel as JSON: total: BigInt cannot be represented in JSON Schema " +
    "(use z.int(), or z.string() where that is too small)",
  ],
  [
    "a symbol deep in the data",
    { data: z.object({ items: z.array(z.object({ sku: z.symbol().optional() })) }) },
    "its data cannot travel as JSON: items.*.sku: Symbols cannot be represented in JSON Schema " +
    "(only text, numbers, true, false, null, lists and objects do)",
  ],
  ["an unknown option", { ingres: {} }, 'unknown option ingres: did you mean "ingress"?'],
  [
    "an unknown option of the ingress",
    { ingress: { rout: "/a" } },
    'unknown option ingress.rout: did you mean "route"?',
  ],
  ["an option that belongs elsewhere", { route: "/a" }, "unknown option route: it belongs in `ingress`"],
  [
    "a route without a slash",
    { ingress: { route: "orders" } },
    'route "orders" is not a path of its own, such as ' +
    '"/orders"',
  ],
  ["a route with a query", { ingress: { route: "/a?b" } }, 'route "/a?b" is not a path of its own, such as "/orders"'],
  ["a route with a space", { ingress: { route: "/a b" } }, 'route "/a b" is not a path of its own, such as "/orders"'],
  [
    "a route in the place of Weir's own",
    { ingress: { route: "/events/orders" } },
    'route "/events/orders" is not a path of its own, such as "/orders"',
  ],
  [
    "the route of health",
    { ingress: { route: "/health" } },
    'route "/health" is not a path of its own, such as ' +
    '"/orders"',
  ],
];
for (const [what, options, problem] of rows) {
  Deno.test(`resolveEvents refuses ${what}: ${problem}`, () => {
    assert.deepEqual(problemsOf([schemas("orders", event("orders.created", options))]), [
      `schemas/orders.ts: event "orders.created": ${problem}`,
    ]);
  });
}

Deno.test("resolveEvents accepts data whose input is JSON, whatever its output", () => {
  const data = z.object({ at: z.string().transform((text) => new Date(text)) });
  assert.deepEqual(problemsOf([schemas("orders", event("orders.created", { data }))]), []);
});

Deno.test("resolveEvents accepts an event without data, or whose data may be left out", () => {
  for (const data of [z.undefined(), z.void(), z.object({ orderId: z.string() }).optional()]) {
    assert.deepEqual(problemsOf([schemas("orders", event("orders.created", { data }))]), []);
  }
});

Deno.test("resolveEvents accepts a route that only resembles a reserved one", () => {
  const one = event("orders.created", { ingress: { route: "/eventsource" } });
  assert.deepEqual(problemsOf([schemas("orders", one)]), []);
});

Deno.test("resolveEvents refuses one route for two events", () => {
  const ingress = { route: "/orders" };
  const both = [event("orders.created", { ingress }), event("orders.cancelled", { ingress })];
  assert.deepEqual(problemsOf([schemas("orders", ...both)]), [
    'schemas/orders.ts: event "orders.cancelled": route /orders already belongs to orders.created',
  ]);
});

Deno.test("resolveEvents accepts events without a route", () => {
  const both = [event("orders.created", { ingress: {} }), event("orders.cancelled", { ingress: {} })];
  assert.deepEqual(problemsOf([schemas("orders", ...both)]), []);
});

const ASYNC: Readonly<Record<string, z.ZodType>> = {
  "an async refine": z.object({ a: z.string().refine(async (text) => await text) }),
  "an async refine of the whole": z.object({ a: z.string() }).refine(async () => await true),
  "an async superRefine": z.object({ a: z.array(z.string().superRefine(async () => await undefined)) }),
  "an async check": z.object({ a: z.string().check(async () => await undefined).optional() }),
  "a refine that returns a promise": z.object({ a: z.string().refine(() => Promise.resolve(true)) }),
  "an async transform": z.object({ a: z.string().transform(async (text) => await text) }),
  "a transform that returns a promise": z.object({ a: z.string().transform((text) => Promise.resolve(text)) }),
  "an async preprocess": z.object({ a: z.preprocess(async (text) => await text, z.string()) }),
  "an async custom": z.object({ a: z.union([z.int(), z.string().and(z.string().refine(async () => await true))]) }),
  "a superRefine that returns a promise": z.object({
    a: z.record(z.string(), z.int().superRefine(() => Promise.resolve())),
  }),
  "a refine that returns a promise for text alone": z.object({
    a: z.string().refine((text) => text.trim() === "" ? Promise.resolve(true) : false),
  }),
  "a transform that needs a value": z.object({ a: z.string().transform((text) => Promise.resolve(text.trim())) }),
  "an async refine of z.lazy": z.lazy(() => z.object({ a: z.string() })).refine(async () => await true),
  "an async refine of z.json": z.object({ a: z.json().refine(async () => await true) }),
  "an async refine behind z.lazy": z.object({ a: z.lazy(() => z.string().refine(async () => await true)) }),
};
for (const [what, data] of Object.entries(ASYNC)) {
  Deno.test(`resolveEvents refuses data with ${what}: it is parsed synchronously`, async () => {
    const type = "orders.created";
    assert.deepEqual(problemsOf([schemas("orders", event(type, { data }))]), [
      `schemas/orders.ts: event "${type}": its data has an async refine, transform or promise, but is parsed ` +
      "synchronously: check it in a function",
    ]);
    await null; // a rejected promise of a check would be unhandled by now
  });
}

Deno.test("resolveEvents accepts synchronous checks, also those that throw without a value, and recursive data", () => {
  const Tree = z.object({
    get children() {
      return z.array(Tree);
    },
  });
  const data = z.object({
    a: z.string().refine((text) => text.length > 1).superRefine((text, ctx) =>
      void (text.trim() || ctx.addIssue("empty"))
    ),
    b: z.string().transform((text) => text.length).optional(),
    d: z.string().default(() => "a").transform((text) => text.trim()),
    c: Tree,
  });
  assert.deepEqual(problemsOf([schemas("orders", event("orders.created", { data }))]), []);
});
