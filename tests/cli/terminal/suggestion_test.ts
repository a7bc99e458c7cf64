import assert from "node:assert/strict";
import { suggestion } from "../../../runtime/cli/terminal/suggestion.ts";

const NAMES = ["reserveInventory", "capturePayment", "confirmOrder"];

for (const given of ["capturepayment", "capturePaymnt", "capture_Payment", "CapturePayments"]) {
  Deno.test(`"${given}" was probably meant to be capturePayment`, () => {
    assert.equal(suggestion(given, NAMES), 'did you mean "capturePayment"?');
  });
}

for (const given of ["ship", "", "x".repeat(500)]) {
  Deno.test(`for "${given.slice(0, 8)}", which is like none of them, all are named`, () => {
    assert.equal(suggestion(given, NAMES), 'there are: "reserveInventory", "capturePayment", "confirmOrder"');
  });
}

Deno.test("of two that are near the nearer one is meant, and a short name is not like every other", () => {
  assert.equal(suggestion("pays", ["page", "pay"]), 'did you mean "pay"?');
  assert.equal(suggestion("go", ["a", "b"]), 'there are: "a", "b"');
  assert.equal(suggestion("go", []), "there are: none");
});
