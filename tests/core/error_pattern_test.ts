import assert from "node:assert/strict";
import { errorPattern } from "../../runtime/core/error_pattern.ts";

for (
  const [error, pattern] of [
    ["Error: no order 4711", "Error: no order #"],
    ["Error: no order o-4711\nat line 2", "Error: no order o-#"],
    ['TypeError: no sku "book" in order 7', 'TypeError: no sku "…" in order #'],
    ["Error: it can't find 'book' or `pen`", "Error: it can't find '…' or `…`"],
    ["Error: 0f8fad5b-d9cb-469f-a165-70867728950e is gone", "Error: # is gone"],
    ["Error: trace 9c0b2e1f3a of u42@example.com", "Error: trace # of #@example.com"],
    ["Error: GET https://bank.example/charges/17: HTTP 503", "Error: GET https://bank.example/charges/#: HTTP 503"],
    ["Error: answered with status 404 after 31 ms", "Error: answered with status 404 after # ms"],
    ["Error: connect to 10.0.0.1:5432 refused (code: 111)", "Error: connect to #.#.#.#:# refused (code: 111)"],
    ["", ""],
  ] as const
) {
  Deno.test(`errorPattern makes ${JSON.stringify(pattern)} of ${JSON.stringify(error)}`, () => {
    assert.equal(errorPattern(error), pattern);
  });
}

Deno.test("errorPattern cuts long texts", () => {
  assert.equal(errorPattern("word ".repeat(10_000)).length, 301);
  assert.equal(errorPattern("x".repeat(100_000)).length, 301);
});
