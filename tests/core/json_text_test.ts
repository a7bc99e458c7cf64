import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonText } from "../../runtime/core/json_text.ts";

class Price {
  constructor(readonly amount: number) {}
}
class Hidden {
  #amount = 7;
  get amount(): number {
    return this.#amount;
  }
}
const circle: Record<string, unknown> = {};
circle.inner = { again: circle };

const LOST: readonly (readonly [what: string, value: unknown, where?: string])[] = [
  ["undefined", undefined],
  ["NaN", NaN],
  ["-Infinity", -Infinity],
  ["a bigint", 5n],
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["a Map", new Map([["a", 1]])],
  ["a Set", new Set([1])],
  ["a WeakMap", new WeakMap()],
  ["a RegExp", /a/],
  ["a Error", Object.assign(new Error("no"), { code: 7 })],
  ["a Uint8Array", new Uint8Array([1])],
  ["a ArrayBuffer", new ArrayBuffer(1)],
  ["a Promise", Promise.resolve(1)],
  ["a Headers", new Headers({ a: "1" })],
  ["a URLSearchParams", new URLSearchParams("a=1")],
  ["a Hidden", new Hidden()],
  ["an invalid Date", new Date(NaN)],
  ["undefined in a list", [1, undefined], "1"],
  ["undefined in a list", Array(1), "0"],
  ["NaN", { toJSON: () => NaN }],
  ["a circular reference", circle, "inner.again"],
];
for (const [what, value, inside] of LOST) {
  Deno.test(`jsonText refuses ${what} with its path, as a value and inside of others`, () => {
    const message = (path: string) => `ship: ${path} is ${what}, which JSON cannot hold`;
    assert.throws(() => jsonText(value, "ship", "the data"), {
      name: "TypeError",
      message: message(inside ?? "the data"),
    });
    if (value === undefined) return;
    const path = ["rows", "1", "a b", ...inside?.split(".") ?? []].join(".");
    assert.throws(() => jsonText({ rows: [0, { "a b": value }] }, "ship", "the data"), { message: message(path) });
  });
}

Deno.test("jsonText refuses a boxed number that JSON writes as null", () => {
  for (const number of [NaN, Infinity]) {
    assert.throws(() => jsonText({ a: Object(number) }, "ship", "the data"), {
      message: `ship: a is ${number}, which JSON cannot hold`,
    });
  }
});

const KEPT: readonly (readonly [what: string, value: unknown, text: string])[] = [
  ["an undefined property", { a: undefined, b: 1 }, '{"b":1}'],
  ["a date", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ["a URL", [new URL("http://a.test")], '["http://a.test/"]'],
  ["an instance with fields", new Price(7), '{"amount":7}'],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ["a boxed number", Object(7), "7"],
  ["an empty object", {}, "{}"],
  ["the same object twice", [circle.none, 0].slice(1).concat([1]), "[0,1]"],
];
for (const [what, value, text] of KEPT) {
  Deno.test(`jsonText keeps ${what}`, () => assert.equal(jsonText(value, "ship", "the data"), text));
}

Deno.test("jsonText returns the text of JSON.stringify for every JSON value, and its parse is the value", () => {
  fc.assert(fc.property(fc.jsonValue({ noNegativeZero: true } as object), (value) => {
    assert.equal(jsonText(value, "", ""), JSON.stringify(value));
    assert.deepEqual(jsonText(JSON.parse(jsonText(value, "", "")), "", ""), jsonText(value, "", ""));
  }));
});

Deno.test("jsonText returns a text whose parse is the value, or throws", () => {
  const anything = fc.anything({
    withBigInt: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withDate: true,
  });
  const isLossless = (value: unknown, parsed: unknown) => JSON.stringify(value) === JSON.stringify(parsed);
  fc.assert(fc.property(anything, (value) => {
    let text: string;
    try {
      text = jsonText(value, "", "");
    } catch (error) {
      return assert.ok(error instanceof TypeError);
    }
    assert.ok(isLossless(value, JSON.parse(text)));
    assert.doesNotMatch(Deno.inspect(value, { depth: 99 }), /\b(NaN|Infinity|Map|Set|Symbol|\d+n)\b[ ({,\]]/);
  }));
});

Deno.test("jsonText keeps a bigint that an author has taught JSON", () => {
  const prototype = BigInt.prototype as { toJSON?: () => string };
  prototype.toJSON = function (this: bigint) {
    return this.toString();
  };
  try {
    assert.equal(jsonText({ total: 5n }, "ship", "the data"), '{"total":"5"}');
  } finally {
    delete prototype.toJSON;
  }
});

Deno.test("jsonText names the error of a `toJSON` that throws", () => {
  const value = {
    toJSON: () => {
      throw new Error("no total");
    },
  };
  assert.throws(() => jsonText({ a: value }, "ship", "the data"), { message: "ship: the data is no JSON: no total" });
});
