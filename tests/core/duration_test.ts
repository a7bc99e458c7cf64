import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration, readableDuration, roughDuration } from "../../runtime/core/duration.ts";

const spans: [unknown, number][] = [
  [0, 0],
  [1_500, 1_500],
  ["0s", 0],
  ["250ms", 250],
  ["10s", 10_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
  ["1.5s", 1_500],
  ["0.5m", 30_000],
  ["1.001s", 1_001],
  ["1.1h", 3_960_000],
  ["2.3d", 198_720_000],
];
for (const [value, expected] of spans) {
  Deno.test(`parseDuration(${JSON.stringify(value)}) is ${expected}`, () => {
    assert.equal(parseDuration(value), expected);
  });
}

const noSpans: unknown[] = [
  -1,
  1.5,
  NaN,
  Infinity,
  2 ** 53,
  10n,
  null,
  undefined,
  {},
  "",
  "10",
  "s",
  "10 s",
  " 10s",
  "10s\n",
  "-1s",
  "+1s",
  "1e3s",
  "1_000ms",
  ".5s",
  "1.s",
  "10S",
  "1w",
  "1h30m",
  "0.5ms",
  "1.0001s",
  "999999999999d",
];
for (const value of noSpans) {
  Deno.test(`parseDuration refuses ${typeof value} ${String(value).replace("\n", "\\n")}`, () => {
    assert.equal(parseDuration(value), undefined);
  });
}

const texts: [number, string][] = [
  [0, "0ms"],
  [1, "1ms"],
  [999, "999ms"],
  [1_000, "1s"],
  [1_500, "1500ms"],
  [90_000, "90s"],
  [120_000, "2m"],
  [5_400_000, "90m"],
  [3_600_000, "1h"],
  [86_400_000, "1d"],
  [90_000_000, "25h"],
];
for (const [ms, expected] of texts) {
  Deno.test(`formatDuration(${ms}) is ${expected}`, () => {
    assert.equal(formatDuration(ms), expected);
  });
}

Deno.test("parseDuration reverses formatDuration", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (ms) => {
    assert.equal(parseDuration(formatDuration(ms)), ms);
  }));
});

Deno.test("formatDuration keeps a whole number of units", () => {
  const units = fc.constantFrom(["s", 1_000], ["m", 60_000], ["h", 3_600_000], ["d", 86_400_000]);
  fc.assert(fc.property(fc.nat(100_000), units, (count, [unit, ms]) => {
    assert.equal(parseDuration(formatDuration(count * Number(ms))), count * Number(ms));
    assert.equal(parseDuration(`${count}${unit}`), count * Number(ms));
  }));
});

Deno.test("parseDuration reads seconds with three decimals exactly", () => {
  fc.assert(
    fc.property(fc.nat(86_400_000), (ms) => {
      const seconds = `${Math.floor(ms / 1_000)}.${String(ms % 1_000).padStart(3, "0")}s`;
      assert.equal(parseDuration(seconds), ms, seconds);
    }),
    { numRuns: 2_000 },
  );
});

for (
  const [ms, readable, rough] of [
    [0, "0 ms", "0ms"],
    [249.6, "250 ms", "250ms"],
    [1_000, "1 second", "1s"],
    [1_530, "1.5 seconds", "1.5s"],
    [83_750, "84 seconds", "84s"],
    [776_445, "13 minutes", "13m"],
    [3_600_000, "60 minutes", "1h"],
    [8_000_000, "2 hours", "2h"],
    [200 * 3_600_000, "8 days", "8d"],
  ] as const
) {
  Deno.test(`readableDuration and roughDuration round ${ms} ms to ${readable}`, () => {
    assert.deepEqual([readableDuration(ms), roughDuration(ms)], [readable, rough]);
  });
}
