import assert from "node:assert/strict";
import { redactPaths } from "../../runtime/cli/redact.ts";

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
    assert.deepEqual(redactPaths(ORDER, paths), { data: expected, missing: [] });
  });
}

for (const path of ["email", "customer.emial", "items.2.sku", "items.*.price", "orderId.x", "customer.email.at", ""]) {
  Deno.test(`"${path}" is nowhere, which is told`, () => {
    assert.deepEqual(redactPaths(ORDER, [path]), { data: ORDER, missing: [path] });
  });
}

Deno.test("the data that was given stays as it is", () => {
  const before = structuredClone(ORDER);
  redactPaths(ORDER, ["customer.email"]);
  assert.deepEqual(ORDER, before);
});
