import assert from "node:assert/strict";
import { account, type Evidence, explains } from "./account.ts";
import type { Fault, FaultKind } from "./faults.ts";
import { gapsOf } from "./gaps.ts";
import type { Effect } from "./ledger.ts";

const effect = (fn: string, n: number, atMs = 0, pid = 1): Effect => ({ fn, n, attempt: 1, pid, atMs });
const handled = (n: number) => [effect("answer", n), effect("follow", n)];
const fault = (kind: FaultKind, atMs: number, overMs = atMs, pid = 1): Fault => {
  return { kind, target: "it", pid, atMs, overMs, fn: "answer" };
};
const dead = (n: number, reason: string) => ({ n, fn: "answer", reason });

/** Accounts for three plain events that were handled, with this part of the evidence changed. */
function judged(change: Partial<Evidence>) {
  const numbers = [0, 1, 2];
  return account({
    sent: 3,
    effects: numbers.flatMap(handled),
    asked: numbers,
    answered: numbers,
    dead: [],
    faults: [],
    ...change,
  });
}

Deno.test("account counts an event with all its effects as handled", () => {
  assert.deepEqual(judged({}), {
    sent: 3,
    handled: 3,
    dead: {},
    lost: [],
    handledAndDead: [],
    misplaced: [],
    repeats: [],
    duplicatesAsked: [],
    duplicatesAnswered: [],
  });
});

Deno.test("account lists an event without an effect, an answer, or the answer's effect as lost", () => {
  assert.deepEqual(judged({ effects: [...handled(0), ...handled(2), effect("follow", 1)] }).lost, [1]);
  assert.deepEqual(judged({ answered: [0, 2] }).lost, [1]);
  assert.deepEqual(judged({ effects: [...handled(0), ...handled(2), effect("answer", 1)] }).lost, [1]);
});

Deno.test("account lists events that ended twice, or otherwise than their kind", () => {
  assert.deepEqual(judged({ dead: [dead(1, "rejected")] }).handledAndDead, [1]);
  const died = judged({ effects: [...handled(0), ...handled(2)], answered: [0, 2], dead: [dead(1, "crashed")] });
  assert.deepEqual([died.misplaced, died.lost, died.dead], [[1], [], { crashed: 1 }]);
  const numbers = Array.from({ length: 14 }, (_, n) => n); // the handler rejects 13
  const all = { sent: 14, asked: numbers, effects: numbers.flatMap(handled), answered: numbers };
  assert.deepEqual(judged(all).misplaced, [13]);
});

Deno.test("account lists repeated effects, and events stored twice as duplicates", () => {
  const { repeats } = judged({ effects: [...handled(0), ...handled(1), ...handled(2), effect("answer", 1, 9_000)] });
  assert.deepEqual(repeats.map(({ again, because }) => [again.n, because]), [[1, undefined]]);
  assert.deepEqual(judged({ answered: [0, 1, 2, 1] }).duplicatesAnswered, [1]);
  assert.deepEqual(judged({ asked: [0, 0, 1, 2] }).duplicatesAsked, [0]);
});

const REPEATED: readonly (readonly [string, Fault, Effect, Effect, boolean])[] = [
  [
    "its process was killed",
    fault("runtime kill -9", 10_050),
    effect("answer", 1, 10_000),
    effect("answer", 1, 25_000, 2),
    true,
  ],
  [
    "another was killed",
    fault("runtime kill -9", 10_050, 10_050, 3),
    effect("answer", 1, 10_000),
    effect("answer", 1, 25_000, 2),
    false,
  ],
  [
    "it was killed long after",
    fault("runtime kill -9", 20_000),
    effect("answer", 1, 10_000),
    effect("answer", 1, 25_000, 2),
    false,
  ],
  [
    "its process received SIGTERM",
    fault("runtime SIGTERM", 10_050),
    effect("answer", 1, 10_000),
    effect("answer", 1, 25_000, 2),
    false,
  ],
  [
    "its process was stopped for four seconds",
    fault("runtime stop", 10_000, 14_000),
    effect("answer", 1, 10_000),
    effect("answer", 1, 25_000, 2),
    false,
  ],
  [
    "its process was stopped for longer than its lease",
    fault("runtime stop", 10_000, 27_000),
    effect("answer", 1, 10_000),
    effect("answer", 1, 25_000, 2),
    true,
  ],
  [
    "the second process was stopped for longer than its lease",
    fault("runtime stop", 10_000, 27_000, 2),
    effect("answer", 1, 25_000),
    effect("answer", 1, 27_000, 2),
    true,
  ],
  [
    "a third process was stopped for longer than its lease",
    fault("runtime stop", 10_000, 27_000, 3),
    effect("answer", 1, 25_000),
    effect("answer", 1, 27_000, 2),
    false,
  ],
  [
    "the server was killed",
    fault("server kill -9", 10_000, 12_000, 9),
    effect("answer", 1, 9_900),
    effect("answer", 1, 12_500),
    true,
  ],
  [
    "the server was killed before",
    fault("server kill -9", 2_000, 3_000, 9),
    effect("answer", 1, 9_900),
    effect("answer", 1, 12_500),
    false,
  ],
  [
    "the server was stopped",
    fault("server stop", 10_000, 12_000, 9),
    effect("answer", 1, 9_900),
    effect("answer", 1, 12_500),
    false,
  ],
];
for (const [name, cause, first, again, expected] of REPEATED) {
  Deno.test(`explains returns ${expected} when ${name}`, () => {
    assert.equal(explains(cause, first, again), expected);
  });
}

Deno.test("gapsOf measures the time without an effect of the fault's function, up to the next fault", () => {
  const faults = [fault("consumer step-down", 1_000, 1_500), fault("server kill -9", 4_000, 6_000)];
  const effects = [900, 1_100, 1_800, 3_900, 6_200, 6_300].map((atMs) => effect("answer", 1, atMs));
  const other = effect("follow", 1, 2_500);
  const gaps = gapsOf(faults, [...effects, other].toSorted((a, b) => a.atMs - b.atMs), 6_400);
  assert.deepEqual(gaps.map(({ ms, barMs }) => [ms, barMs]), [[2_100, 1_000], [200, 1_000]]);
});
