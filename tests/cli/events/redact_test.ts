import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import { keepValid, redactPaths } from "../../../runtime/cli/events/redact.ts";

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
  Deno.test(`redactPaths replaces ${paths.join(" and ")}, and nothing else`, () => {
    const { data, missing } = redactPaths(ORDER, paths);
    assert.deepEqual({ data, missing }, { data: expected, missing: [] });
  });
}

for (const path of ["email", "customer.emial", "items.2.sku", "items.*.price", "orderId.x", "customer.email.at", ""]) {
  Deno.test(`redactPaths reports "${path}", which matches nothing`, () => {
    assert.deepEqual(redactPaths(ORDER, [path]), { data: ORDER, redacted: [], missing: [path] });
  });
}

Deno.test("redactPaths does not change the given data", () => {
  const before = structuredClone(ORDER);
  redactPaths(ORDER, ["customer.email"]);
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

Deno.test("keepValid uses sample values where the schema refuses the redacted ones, and nowhere else", async () => {
  const { data, redacted } = redactPaths(GIVEN, ["name", "email", "people.*.phone", "people.0.note"]);
  const kept = await keepValid(Signed, GIVEN, data, redacted);
  const valid = Signed.data.parse(kept.data);
  assert.equal(valid.name, "[redacted]");
  assert.deepEqual(valid.people.map(({ note }) => note), ["[redacted]", "secret", "secret", "secret"]);
  assert.doesNotMatch(JSON.stringify(valid), /ada@|1111|2222|3333|4444/);
  const paths = ["email", "people.0.phone", "people.1.phone", "people.2.phone", "people.3.phone"];
  assert.deepEqual(kept.replaced.map((path) => path.join(".")), paths);
  assert.deepEqual(kept.refused, []);
});

Deno.test("keepValid leaves values that the schema refused before", async () => {
  const broken = { ...GIVEN, email: "no address", people: 7 };
  const { data, redacted } = redactPaths(broken, ["email", "name"]);
  const kept = await keepValid(Signed, broken, data, redacted);
  assert.deepEqual([kept.data, kept.replaced, kept.refused], [data, [], []]);
});

Deno.test("keepValid reports values for which it finds no valid sample", async () => {
  const Odd = defineEvent({
    type: "odd",
    version: 1,
    data: z.object({ code: z.string().refine((it) => it === "s3cret") }),
  });
  const given = { code: "s3cret" }, { data, redacted } = redactPaths(given, ["code"]);
  const kept = await keepValid(Odd, given, data, redacted);
  assert.deepEqual([kept.data, kept.replaced, kept.refused], [{ code: "[redacted]" }, [], [["code"]]]);
});
