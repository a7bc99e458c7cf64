import assert from "node:assert/strict";
import { renamedWarnings } from "../../../runtime/nats/impact/renamed.ts";
import type { Step } from "../../../runtime/nats/topology/step.ts";

function created(stream: string, filter_subjects: string[], waiting?: number): Step {
  return { what: "consumer", name: "mailOrder", stream, kind: "create", config: { filter_subjects }, waiting } as Step;
}
function orphan(name: string, stream: string, filters: string[], pending: number): Step {
  const backlog = { pending, unsettled: 0, delayedRetries: 0 };
  return { what: "consumer", name, stream, kind: "orphan", filters, backlog, inUse: false };
}
const RETRIES = [
  created("RETRIES", ["retries.due.mailOrder.>"], 0),
  orphan("mail", "RETRIES", ["retries.due.mail.>"], 0),
];

Deno.test("renamedWarnings names a removed function with the same triggers, and what is handled again", () => {
  const steps = [
    ...RETRIES,
    created("ORDERS", ["orders.paid", "orders.made"], 21),
    orphan("mail", "ORDERS", ["orders.made", "orders.paid"], 2),
  ];
  assert.deepEqual(renamedWarnings(steps), [
    "mailOrder is new, with the triggers of mail, which the project does not have: renamed? mailOrder begins with 21 stored events, of " +
    'which mail has handled about 19: they are handled again, and 2 wait for mail alone. `name: "mail"` in its options ' +
    'goes on where mail was, and `from: "new"` handles new events only',
  ]);
});

const none: [what: string, steps: Step[]][] = [
  ["the triggers differ", [created("ORDERS", ["orders.paid"], 3), orphan("mail", "ORDERS", ["orders.made"], 0)]],
  ["one trigger is missing", [
    created("ORDERS", ["orders.paid"], 3),
    created("STOCK", ["stock.out"], 3),
    orphan("mail", "ORDERS", ["orders.paid"], 0),
  ]],
  ["nothing is stored", [created("ORDERS", ["orders.paid"], 0), orphan("mail", "ORDERS", ["orders.paid"], 0)]],
  ["no function is new", [orphan("mail", "ORDERS", ["orders.paid"], 2)]],
];
for (const [what, steps] of none) {
  Deno.test(`renamedWarnings says nothing where ${what}`, () =>
    assert.deepEqual(renamedWarnings([...RETRIES, ...steps]), []));
}

Deno.test("renamedWarnings counts nothing where the stream does not say how many events it has", () => {
  const [text] = renamedWarnings([created("ORDERS", ["orders.paid"]), orphan("mail", "ORDERS", ["orders.paid"], 0)]);
  assert.match(text, /mailOrder handles again all stored events that it has handled/);
});
