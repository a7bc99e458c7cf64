import assert from "node:assert/strict";
import { type Halt, judgeOrder, type OrderedRun, takeoverGaps } from "./order_ledger.ts";

/** Returns runs of one key, given as `n start end`, with `!` for one that failed and `pid:` before it. */
function runs(...texts: readonly string[]): OrderedRun[] {
  return texts.map((text) => {
    const [, pid = "1", n, startMs, endMs, failed] = /^(?:(\d+):)?(\d+) (\d+) (\d+)(!)?$/.exec(text)!;
    return { key: "a", pid: Number(pid), n: Number(n), startMs: +startMs, endMs: +endMs, isOk: !failed };
  });
}

const STOP: Halt = { pid: 2, kind: "stopped", fromMs: 5, toMs: 20_000 };

const VERDICTS:
  readonly (readonly [title: string, OrderedRun[], early: number, overlaps: number, afterStops: number])[] = [
    ["nothing in runs one after the other", runs("1 0 1", "2 1 2", "3 2 3"), 0, 0, 0],
    ["nothing in a retry before the next event", runs("1 0 1!", "1 2 3", "2 3 4"), 0, 0, 0],
    ["nothing in an event that ran again after a later one", runs("1 0 1", "2 1 2", "1 3 4"), 0, 0, 0],
    ["an event that began before an earlier one had ended well", runs("1 0 1!", "2 2 3", "1 4 5"), 1, 0, 0],
    ["two events at once", runs("1 0 5", "2 3 6"), 1, 1, 0],
    [
      "a run that went on after its process was stopped",
      runs("2:1 0 20001", "1 15000 15001", "2 15002 15003"),
      0,
      0,
      1,
    ],
  ];
for (const [title, all, early, overlaps, afterStops] of VERDICTS) {
  Deno.test(`judgeOrder finds ${title}`, () => {
    const verdict = judgeOrder(all, [STOP]);
    assert.deepEqual([verdict.early.length, verdict.overlaps.length, verdict.afterStops], [
      early,
      overlaps,
      afterStops,
    ]);
  });
}

Deno.test("takeoverGaps measures from the end of the process that began the last run", () => {
  const halts: Halt[] = [{ pid: 1, kind: "killed", fromMs: 10, toMs: 20 }, {
    pid: 9,
    kind: "killed",
    fromMs: 40,
    toMs: 50,
  }];
  assert.deepEqual(takeoverGaps(runs("1 0 1", "2:2 25 26", "2:3 60 61"), halts), [15]);
});
