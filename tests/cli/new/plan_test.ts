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
const AROUND = {
  schemas: [{ file: "schemas/orders.ts", exports: EVENTS }],
  schemaTexts: new Map([["orders.ts", "export const OrderPaid = 1;\n"]]),
  functions: ["sendMail.ts", "_helper.ts"],
  tests: ["sendMail_test.ts", "old_test.ts"],
};
const plan = (name: string, on: string, ...emits: string[]) => planFunction(name, on, emits, AROUND);

const refused: [what: string, name: string, on: string, emits: string[], message: RegExp][] = [
  ["a function that is there", "sendMail", "orders.created", [], /functions\/sendMail\.ts is there already/],
  [
    "nearly the same name",
    "SendMail",
    "orders.created",
    [],
    /functions\/sendMail\.ts differs from "SendMail" only in cap/,
  ],
  ["a test that is there", "old", "orders.created", [], /tests\/functions\/old_test\.ts is there already/],
  ["a helper's name", "_mail", "orders.created", [], /"_mail" cannot be a function's name: a letter, then/],
  ["a number first", "2fa", "orders.created", [], /"2fa" cannot be a function's name/],
  ["a blank", "send mail", "orders.created", [], /"send mail" cannot be a function's name/],
  ["a folder", "mail/send", "orders.created", [], /"mail\/send" is in a folder/],
  ["a name of 65 letters", "a".repeat(65), "orders.created", [], /cannot be a function's name/],
  ["the name of a test", "mail_test", "orders.created", [], /functions\/mail_test\.ts would be taken for a test/],
  ["a type of one token", "a", "orders", [], /event "orders": a type is two or more tokens/],
  ["a type with a blank", "a", "orders. paid", [], /a type is two or more tokens/],
  ["no type", "a", "", [], /a type is two or more tokens/],
  ["a pattern that is none", "a", "a.>.b", [], /"a\.>\.b" is not a subject pattern: `>` is only allowed as the last/],
  ["every subject", "a", ">", [], /no stream covers ">"/],
  ["a subject of Weir's own", "a", "dead_letters.a", [], /overlaps dead_letters\.>, which is reserved/],
  ["a pattern to emit", "a", "orders.created", ["b.>"], /--emits "b\.>" is a pattern: name the types it stands for/],
  [
    "a slip in --on",
    "a",
    "orders.creatd",
    [],
    /no event has the type "orders\.creatd": did you mean "orders\.created"\?/,
  ],
  ["a slip in --emits", "a", "x.y", ["order.created"], /"order\.created": did you mean "orders\.created"\?/],
  ["what would wake itself", "a", "orders.created", ["orders.created"], /it would emit "orders\.created", which wakes/],
  ["what its pattern covers", "a", "b.>", ["b.c"], /it would emit "b\.c", which wakes it again/],
  ["no sample", "a", "odd.one", [], /no sample of "odd\.one" was found that its schema takes: no\. Give/],
];
for (const [what, name, on, emits, message] of refused) {
  Deno.test(`a new function is refused for ${what}`, () => {
    assert.throws(() => plan(name, on, ...emits), message);
  });
}

Deno.test("every problem is told at once", () => {
  assert.throws(() => plan("SendMail", "orders.creatd", "b.>"), /3 problems:/);
});

Deno.test("another revision of a type is no slip", () => {
  assert.deepEqual(plan("a", "jobs.done.v2").files.map(({ path }) => path), [
    "schemas/jobs.ts",
    "functions/a.ts",
    "tests/functions/a_test.ts",
  ]);
});

Deno.test("a new event's name is one that is free in its file", () => {
  assert.match(plan("a", "orders.paid").files[0].text, /export const OrdersPaid = defineEvent/);
});

Deno.test("what wakes it may be published from outside, what it emits may not", () => {
  const [{ text: on }, { text: emitted }] = plan("a", "one.done", "two.done").files;
  assert.match(on, /^ {2}ingress: \{\}, \/\/ it may be published from outside, by POST \/events\/one\.done/m);
  assert.doesNotMatch(emitted, /ingress/);
});
