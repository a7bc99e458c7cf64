import assert from "node:assert/strict";
import { size, span } from "../../runtime/doctor/format.ts";

Deno.test("span rounds a duration up to about three digits", () => {
  assert.deepEqual([0, 950, 12_345, 83_750, 3_601_000, 86_400_000].map(span), [
    "0ms",
    "950ms",
    "13s",
    "84s",
    "61m",
    "1d",
  ]);
});

Deno.test("size formats bytes in the largest binary unit", () => {
  assert.deepEqual([12, 2_048, 1_572_864, 2 ** 30].map(size), ["12 bytes", "2 KiB", "1.5 MiB", "1 GiB"]);
});
