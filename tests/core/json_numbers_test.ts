import assert from "node:assert/strict";
import fc from "fast-check";
import { inexactNumber } from "../../runtime/core/json_numbers.ts";
import { takesAtMost } from "../support/cpu_time.ts";

for (
  const [text, found] of [
    ["1e400", "1e400"],
    ["-1e400", "-1e400"],
    ["1e-400", "1e-400"],
    ["9007199254740993", "9007199254740993"],
    ["[1, -9007199254740993]", "-9007199254740993"],
    ['{"a":{"b":[12345678901234567890]}}', "12345678901234567890"],
    ["9007199254740993.0", "9007199254740993.0"],
    ["9007199254740993.5", "9007199254740993.5"],
    ["900719925474099.3e1", "900719925474099.3e1"],
    ["3.141592653589793238462643383279", "3.141592653589793238462643383279"],
    ["9007199254740992", undefined],
    ["100000000000000000000", undefined],
    ["1e21", undefined],
    ["1E+2", undefined],
    ["0e500", undefined],
    ["-0", undefined],
    ["0.1", undefined],
    ["0.10000000000000001", undefined],
    ["1.0000000000000000000", undefined],
    ["5e-324", undefined],
    ["1.7976931348623157e308", undefined],
    ['"9007199254740993"', undefined],
    ['{"text":"at :9007199254740993 and ,1e400"}', undefined],
    ['{"1e400":1}', undefined],
  ] as const
) {
  Deno.test(`inexactNumber finds ${found ?? "nothing"} in ${text}`, () => assert.equal(inexactNumber(text), found));
}

Deno.test("inexactNumber finds no number that JSON.stringify writes", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    assert.equal(inexactNumber(JSON.stringify([value])), undefined);
  }));
});

Deno.test("inexactNumber finds exactly the whole numbers that JSON.stringify would write otherwise", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (value) => {
    assert.equal(inexactNumber(`{"n":${value}}`) === undefined, BigInt(String(Number(value))) === value);
  }));
});

Deno.test("inexactNumber takes a time proportional to the text for numbers of a megabyte", () => {
  const zeros = "0".repeat(1_000_000);
  const numbers = [`0.${zeros}1`, `1${zeros}1`, `1${zeros}`, `0.${zeros}`, `1e${zeros}1`];
  takesAtMost(2_000, () => numbers.forEach((number) => inexactNumber(number)));
});
