import assert from "node:assert/strict";
import fc from "fast-check";
import { printable, printableJson, printableLines } from "../../../../runtime/telemetry/otel/logs/printable.ts";

/** Characters that a terminal obeys or that change how a line reads. */
const FORGING = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0001}-\u{e007f}\p{Cs}]/u;

for (
  const [kind, text, expected] of [
    ["an escape sequence", "o1\u001b[31mred", "o1 [31mred"],
    ["a C1 control sequence", "o1\u009b2J", "o1 2J"],
    ["a line break", "o1\r\n10:00:00 error forged", "o1 10:00:00 error forged"],
    ["a line separator", "o1\u2028next", "o1 next"],
    ["a bell and a backspace", "o1\u0007\b\u007f", "o1 "],
    ["a bidirectional override", "o1\u202e1o", "o1\\u{202e}1o"],
    ["an isolate", "o1\u2066\u2069", "o1\\u{2066}\\u{2069}"],
    ["an invisible character", "o\u200b1\ufeff", "o\\u{200b}1\\u{feff}"],
    ["a tag", "o1\u{e0041}", "o1\\u{e0041}"],
    ["a lone surrogate", "o1\ud800", "o1\\u{d800}"],
    ["an emoji of several", "👩‍🚀 注文 é", "👩‍🚀 注文 é"],
    ["plain text", 'it\'s "o1" ~', 'it\'s "o1" ~'],
  ] as const
) {
  Deno.test(`printable shows ${kind}, terminal forging`, () => {
    assert.equal(printable(text), expected);
    assert.equal(JSON.parse(printableJson(JSON.stringify(text))), text);
    assert.doesNotMatch(printableJson(JSON.stringify(text)), FORGING);
  });
}

Deno.test("printable and printableJson leave nothing that forges, whatever the text, and JSON keeps its value", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(..."\u001b\u009b\u202e\n\u2029\u{e0020}\ud800a"), fc.string()),
  });
  fc.assert(fc.property(text, (text) => {
    assert.doesNotMatch(printable(text), FORGING);
    assert.equal(printable(printable(text)), printable(text));
    const json = printableJson(JSON.stringify({ text, [text]: [text] }, null, 2));
    assert.doesNotMatch(json.replaceAll("\n", ""), FORGING);
    assert.deepEqual(JSON.parse(json), { text, [text]: [text] });
  }));
});

Deno.test("printableLines keeps line breaks", () => {
  assert.equal(printableLines("two problems:\n  - \u001b[2Jone\r\n  - two"), "two problems:\n  -  [2Jone\n  - two");
});
