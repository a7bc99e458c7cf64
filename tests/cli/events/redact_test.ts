import assert from "node:assert/strict";
import { defineEvent } from "weir";
import { z } from "zod";
import { redactPaths } from "../../../runtime/cli/events/redact.ts";
import { keepValid } from "../../../runtime/cli/events/redact_valid.ts";

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
  Deno.test(`${paths.join(" and ")} is taken out, and nothing else`, () => {
    const { data, missing } = redactPaths(ORDER, paths);
    assert.deepEqual({ data, missing }, { data: expected, missing: [] });
  });
}

for (const path of ["email", "customer.emial", "items.2.sku", "items.*.price", "orderId.x", "customer.email.at", ""]) {
  Deno.test(`"${path}" is nowhere, which is told`, () => {
    assert.deepEqual(redactPaths(ORDER, [path]), { data: ORDER, places: [], missing: [path] });
  });
}

Deno.test("the data that was given stays as it is", () => {
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

Deno.test("where the schema refuses it there is a made-up value instead, and only there", async () => {
  const { data, places } = redactPaths(GIVEN, ["name", "email", "people.*.phone", "people.0.note"]);
  const kept = await keepValid(Signed, GIVEN, data, places);
  const valid = Signed.data.parse(kept.data);
  assert.equal(valid.name, "[redacted]");
  assert.deepEqual(valid.people.map(({ note }) => note), ["[redacted]", "secret", "secret", "secret"]);
  assert.doesNotMatch(JSON.stringify(valid), /ada@|1111|2222|3333|4444/);
  const paths = ["email", "people.0.phone", "people.1.phone", "people.2.phone", "people.3.phone"];
  assert.deepEqual(kept.made.map((place) => place.join(".")), paths);
  assert.deepEqual(kept.refused, []);
});

Deno.test("what was wrong already stays wrong: it is what is recorded", async () => {
  const broken = { ...GIVEN, email: "no address", people: 7 };
  const { data, places } = redactPaths(broken, ["email", "name"]);
  const kept = await keepValid(Signed, broken, data, places);
  assert.deepEqual([kept.data, kept.made, kept.refused], [data, [], []]);
});

Deno.test("where nothing that fits is found, that is told", async () => {
  const Odd = defineEvent({
    type: "odd",
    version: 1,
    data: z.object({ code: z.string().refine((it) => it === "s3cret") }),
  });
  const given = { code: "s3cret" }, { data, places } = redactPaths(given, ["code"]);
  const kept = await keepValid(Odd, given, data, places);
  assert.deepEqual([kept.data, kept.made, kept.refused], [{ code: "[redacted]" }, [], [["code"]]]);
});
