import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import { redact } from "../../../runtime/cli/events/redact.ts";

const ORDER = {
  orderId: "o1",
  customer: { email: "ada@example.com", name: "Ada" },
  items: [{ sku: "a" }, { sku: "b" }],
};

const cases: [paths: string[], expected: unknown][] = [
  [["customer.email"], { ...ORDER, customer: { email: "[redacted]", name: "Ada" } }],
  [["customer"], { ...ORDER, customer: "[redacted]" }],
  [["customer.*"], { ...ORDER, customer: { email: "[redacted]", name: "[redacted]" } }],
  [["items.1.sku"], { ...ORDER, items: [{ sku: "a" }, { sku: "[redacted]" }] }],
  [["items.*.sku", "orderId"], {
    ...ORDER,
    orderId: "[redacted]",
    items: [{ sku: "[redacted]" }, { sku: "[redacted]" }],
  }],
];
for (const [paths, expected] of cases) {
  Deno.test(`redact replaces ${paths.join(" and ")}, and nothing else`, async () => {
    const { data, missing } = await redact(ORDER, paths);
    assert.deepEqual({ data, missing }, { data: expected, missing: [] });
  });
}

for (const path of ["email", "customer.emial", "items.2.sku", "items.*.price", "orderId.x", "customer.email.at", ""]) {
  Deno.test(`redact reports "${path}", which matches nothing`, async () => {
    assert.deepEqual(await redact(ORDER, [path]), { data: ORDER, missing: [path], replaced: [], refused: [] });
  });
}

Deno.test("redact does not change the given data", async () => {
  const before = structuredClone(ORDER);
  await redact(ORDER, ["customer.email"]);
  assert.deepEqual(ORDER, before);
});

const Signed = defineEvent({
  type: "signed.up",
  version: 1,
  data: z.object({
    name: z.string(),
    email: z.email(),
    people: z.array(z.object({ phone: z.string().regex(/^\d{4}$/), note: z.string() })),
  }),
});
const person = (phone: string) => ({ phone, note: "secret" });
const GIVEN = { name: "Ada", email: "ada@example.com", people: ["1111", "2222", "3333", "4444"].map(person) };

Deno.test("redact uses sample values where the schema refuses the redacted ones, and nowhere else", async () => {
  const kept = await redact(GIVEN, ["name", "email", "people.*.phone", "people.0.note"], Signed);
  const valid = Signed.data.parse(kept.data);
  assert.equal(valid.name, "[redacted]");
  assert.deepEqual(valid.people.map(({ note }) => note), ["[redacted]", "secret", "secret", "secret"]);
  assert.doesNotMatch(JSON.stringify(valid), /ada@|1111|2222|3333|4444/);
  const paths = ["email", "people.0.phone", "people.1.phone", "people.2.phone", "people.3.phone"];
  assert.deepEqual(kept.replaced, paths);
  assert.deepEqual(kept.refused, []);
});

Deno.test("redact leaves values that the schema refused before", async () => {
  const broken = { ...GIVEN, email: "no address", people: 7 };
  const { data, replaced, refused } = await redact(broken, ["email", "name"], Signed);
  assert.deepEqual(data, { ...broken, email: "[redacted]", name: "[redacted]" });
  assert.deepEqual([replaced, refused], [[], []]);
});

Deno.test("redact reports values for which it finds no valid sample", async () => {
  const Odd = defineEvent({
    type: "odd",
    version: 1,
    data: z.object({ code: z.string().refine((it) => it === "s3cret") }),
  });
  const kept = await redact({ code: "s3cret" }, ["code"], Odd);
  assert.deepEqual([kept.data, kept.replaced, kept.refused], [{ code: "[redacted]" }, [], ["code"]]);
});
