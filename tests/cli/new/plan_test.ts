import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import { planFunction } from "../../../runtime/cli/new/plan.ts";

const data = z.object({ id: z.string() });
const EVENTS = {
  OrderCreated: defineEvent({ type: "orders.created", version: 1, data }),
  JobDone: defineEvent({ type: "jobs.done.v1", version: 1, data }),
  Odd: defineEvent({ type: "odd.one", version: 1, data: z.string().refine((text) => text === "sesame", "no") }),
};
const SOURCE = {
  schemas: [{ file: "schemas/orders.ts", exports: EVENTS }],
  schemaTexts: new Map([["orders.ts", "export const OrderPaid = 1;\n"]]),
  functions: new Map([
    ["sendMail.ts", 'export default defineFunction({\n  retry: { attempts: 3 },\n  name: "mailer",\n}, () => {});\n'],
    ["_helper.ts", 'export const defaults = { name: "helper" };\n'],
  ]),
  tests: ["sendMail_test.ts", "old_test.ts"],
};
const plan = (name: string, on: string, ...emits: string[]) => planFunction(name, on, emits, SOURCE);

const refused: [what: string, name: string, on: string, emits: string[], message: RegExp][] = [
  ["an existing function", "sendMail", "orders.created", [], /functions\/sendMail\.ts exists already/],
  [
    "a name that differs only in case",
    "SendMail",
    "orders.created",
    [],
    /functions\/sendMail\.ts exists already/,
  ],
  [
    "the name that a function gives itself",
    "mailer",
    "orders.created",
    [],
    /functions\/sendMail\.ts has the name "mailer"/,
  ],
  ["an existing test", "old", "orders.created", [], /tests\/functions\/old_test\.ts exists already/],
  ["a helper's name", "_mail", "orders.created", [], /"_mail" cannot be a function's name: a letter, then/],
  ["a digit first", "2fa", "orders.created", [], /"2fa" cannot be a function's name/],
  ["a blank", "send mail", "orders.created", [], /"send mail" cannot be a function's name/],
  ["a folder", "mail/send", "orders.created", [], /"mail\/send" is in a folder/],
  ["a name of 65 letters", "a".repeat(65), "orders.created", [], /cannot be a function's name/],
  ["the name of a test", "mail_test", "orders.created", [], /functions\/mail_test\.ts would be taken for a test/],
  ["a type of one token", "a", "orders", [], /event "orders": a type is two or more tokens/],
  ["a type with a blank", "a", "orders. paid", [], /a type is two or more tokens/],
  ["no type", "a", "", [], /a type is two or more tokens/],
  ["an invalid pattern", "a", "a.>.b", [], /"a\.>\.b" is not a subject pattern: `>` is only allowed as the last/],
  ["every subject", "a", ">", [], /">" overlaps dead_letters\.>, which is reserved: name its first token/],
  ["a reserved subject", "a", "dead_letters.a", [], /overlaps dead_letters\.>, which is reserved/],
  ["a pattern to emit", "a", "orders.created", ["b.>"], /--emits "b\.>" is a pattern: name the types it stands for/],
  [
    "a misspelling in --on",
    "a",
    "orders.creatd",
    [],
    /no event has the type "orders\.creatd": did you mean "orders\.created"\?/,
  ],
  ["a misspelling in --emits", "a", "x.y", ["order.created"], /"order\.created": did you mean "orders\.created"\?/],
  [
    "an event that triggers itself",
    "a",
    "orders.created",
    ["orders.created"],
    /it would emit "orders\.created", which triggers/,
  ],
  ["an event that its pattern covers", "a", "b.>", ["b.c"], /it would emit "b\.c", which triggers it again/],
  [
    "a schema without a sample",
    "a",
    "odd.one",
    [],
    /no valid sample of "odd\.one" was found: no\. Give/,
  ],
];
for (const [what, name, on, emits, message] of refused) {
  Deno.test(`planFunction refuses ${what}`, () => {
    assert.throws(() => plan(name, on, ...emits), message);
  });
}

Deno.test("planFunction names every problem at once", () => {
  assert.throws(() => plan("SendMail", "orders.creatd", "b.>"), /3 problems:/);
});

Deno.test("planFunction takes another revision of a type for a new event", () => {
  assert.deepEqual(plan("a", "jobs.done.v2").files.map(({ path }) => path), [
    "schemas/jobs.ts",
    "functions/a.ts",
    "tests/functions/a_test.ts",
  ]);
});

Deno.test("planFunction chooses an event name that is free in its file", () => {
  assert.match(plan("a", "orders.paid").files[0].text, /export const OrdersPaid = defineEvent/);
});

Deno.test("planFunction opens the ingress for a new trigger, not for a new event that is emitted", () => {
  const [{ text: on }, { text: emitted }] = plan("a", "one.done", "two.done").files;
  assert.match(on, /^ {2}ingress: \{\}, \/\/ accepted from outside, at POST \/events\/one\.done/m);
  assert.doesNotMatch(emitted, /ingress/);
});
