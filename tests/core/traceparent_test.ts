import assert from "node:assert/strict";
import { formatTraceparent, parseTraceparent } from "../../runtime/core/traceparent.ts";

const IDS = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
const TEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Deno.test("parseTraceparent reverses formatTraceparent", () => {
  assert.equal(formatTraceparent(IDS), TEXT);
  assert.deepEqual(parseTraceparent(TEXT), IDS);
  assert.equal(formatTraceparent({ ...IDS, traceFlags: 0 }), TEXT.replace(/01$/, "00"));
});

Deno.test("formatTraceparent returns undefined without tracing", () => {
  assert.equal(formatTraceparent({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 }), undefined);
});

for (
  const text of [
    undefined,
    "",
    "x",
    TEXT.toUpperCase(),
    TEXT + "-1",
    TEXT.replace("00-", "ff-"),
    TEXT.replace("b7ad6b7169203331", "0".repeat(16)),
    TEXT.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
  ]
) {
  Deno.test(`parseTraceparent refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseTraceparent(text), undefined);
  });
}
