import assert from "node:assert/strict";
import { z } from "zod";
import { event, problemsOf, schemas } from "../support/modules.ts";

const Confirmed = event("orders.confirmed"), Elsewhere = event("orders.moved");
const rows: [what: string, reply: unknown, problem: string][] = [
  [
    "no events",
    { events: [], by: "orderId" },
    'needs the events that reply, and the field that they share: `{ events: [OrderConfirmed], by: "orderId" }`',
  ],
  [
    "a bare event",
    Confirmed,
    'needs the events that reply, and the field that they share: `{ events: [OrderConfirmed], by: "orderId" }`',
  ],
  ["an unknown option", { events: [Confirmed], by: "orderId", wait: 5 }, "has an unknown option wait"],
  [
    "an event that no file exports",
    { events: [Elsewhere], by: "orderId" },
    "names an event that no file in schemas/ exports: orders.moved",
  ],
  [
    "a field that the events lack",
    { events: [Confirmed], by: "order" },
    "is found by order, which the data of orders.created does not have",
  ],
];
for (const [what, reply, problem] of rows) {
  Deno.test(`buildRegistry refuses ingress.reply with ${what}`, () => {
    const problems = problemsOf([schemas("orders", Confirmed, event("orders.created", { ingress: { reply } }))]);
    assert.equal(problems[0], `schemas/orders.ts: event "orders.created": ingress.reply ${problem}`);
  });
}

Deno.test("buildRegistry accepts replies of other schemas than objects", () => {
  const Any = event("orders.any", { data: z.unknown() });
  const one = event("orders.created", { ingress: { reply: { events: [Any, Confirmed], by: "orderId" } } });
  assert.deepEqual(problemsOf([schemas("orders", Any, Confirmed, one)]), []);
});
