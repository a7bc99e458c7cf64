import assert from "node:assert/strict";
import { suggestion } from "../../runtime/project/unknown_name.ts";

const NAMES = ["reserveInventory", "capturePayment", "confirmOrder"];

for (const given of ["capturepayment", "capturePaymnt", "capture_Payment", "CapturePayments"]) {
  Deno.test(`suggestion takes "${given}" for capturePayment`, () => {
    assert.equal(suggestion(given, NAMES), 'did you mean "capturePayment"?');
  });
}

for (const given of ["ship", "", "x".repeat(500)]) {
  Deno.test(`suggestion lists all names for "${given.slice(0, 8)}"`, () => {
    assert.equal(suggestion(given, NAMES), 'there are: "reserveInventory", "capturePayment", "confirmOrder"');
  });
}

Deno.test("suggestion prefers the nearest name, and does not take a short name for every other", () => {
  assert.equal(suggestion("pays", ["page", "pay"]), 'did you mean "pay"?');
  assert.equal(suggestion("go", ["a", "b"]), 'there are: "a", "b"');
  assert.equal(suggestion("go", []), "there are: none");
});

Deno.test("suggestion lists the first of very many names, bounded lists", () => {
  const text = suggestion("", Array.from({ length: 100_000 }, (_, i) => `orders.o${i}`));
  assert.ok(text.length < 1_000, `${text.length}`);
  assert.match(text, /"orders\.o29", and 99970 more$/);
});
