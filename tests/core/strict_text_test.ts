import assert from "node:assert/strict";
import { strictText } from "../../runtime/core/strict_text.ts";

const ENCODER = new TextEncoder();

for (const text of ["", "a", "ü🚂", "\ufffd", "a\ufffdü", "\u0000", "x".repeat(70_000) + "ü"]) {
  Deno.test(`strictText returns ${JSON.stringify(text).slice(0, 20)} of its bytes`, () => {
    assert.equal(strictText(ENCODER.encode(text)), text);
  });
}

for (
  const [what, bytes] of [
    ["a byte that begins nothing", [0x61, 0xff]],
    ["a character that is cut after one byte", [0xc3]],
    ["a character that is cut after three bytes", [0xf0, 0x9f, 0x9a]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a replacement character, and a byte that begins nothing", [0xef, 0xbf, 0xbd, 0x80]],
  ] as const
) {
  Deno.test(`strictText refuses ${what}`, () => {
    assert.throws(() => strictText(new Uint8Array(bytes)), TypeError);
  });
}

Deno.test("strictText leaves out a byte order mark", () => {
  assert.equal(strictText(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), "a");
});
