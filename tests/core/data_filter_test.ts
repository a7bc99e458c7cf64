import assert from "node:assert/strict";
import { matchesData, parseDataFilter } from "../../runtime/core/data_filter.ts";

const DATA = { orderId: 42, customer: { id: "c7", vip: true }, items: [{ sku: "a=b" }], note: null, "": 1 };

for (
  const [filter, expected] of [
    ["orderId=42", true],
    ["orderId=4", false],
    ["customer.id=c7", true],
    ["customer.vip=true", true],
    ["customer.vip=1", false],
    ["customer={}", false],
    ["items.0.sku=a=b", true],
    ["items.1.sku=a=b", false],
    ["note=null", true],
    ["note.id=null", false],
    ["missing=undefined", false],
    ["items.length=1", true],
    ["toString.name=toString", false],
    ["customer.id=", false],
  ] as const
) {
  Deno.test(`matchesData finds ${filter} ${expected ? "to hold" : "not to hold"}`, () => {
    assert.equal(matchesData(DATA, [parseDataFilter(filter)!]), expected);
  });
}

Deno.test("matchesData needs all filters to hold", () => {
  const filters = (...texts: string[]) => texts.map((text) => parseDataFilter(text)!);
  assert.equal(matchesData(DATA, filters("orderId=42", "customer.id=c7")), true);
  assert.equal(matchesData(DATA, filters("orderId=42", "customer.id=c8")), false);
  assert.equal(matchesData("text", filters("length=4")), false);
});

for (const text of ["orderId", "=42", "a..b=1", ".a=1", ""]) {
  Deno.test(`parseDataFilter refuses ${JSON.stringify(text)}`, () => assert.equal(parseDataFilter(text), undefined));
}
