import assert from "node:assert/strict";
import type { DeadLetter } from "../../../runtime/core/dead_letter.ts";
import { groupLetters, hasError } from "../../../runtime/nats/dead_letters/groups.ts";

function letter(sequence: number, error: string, other: Partial<DeadLetter> = {}): DeadLetter {
  return {
    ...{ sequence, error, function: "ship", type: "orders.made", reason: "attempts-exhausted", id: "1", attempts: 5 },
    ...{ stream: "ORDERS", streamSequence: 1, redrives: 0, time: `2026-11-21T10:00:0${sequence % 10}.000Z` },
    ...other,
  };
}

async function* of(...letters: DeadLetter[]) {
  yield* letters;
}

Deno.test("groupLetters counts by function, type, reason and error pattern, with times and the oldest", async () => {
  const { groups, ungrouped } = await groupLetters(of(
    letter(1, "Error: no order 1"),
    letter(2, "Error: late"),
    letter(3, "Error: no order 2"),
    letter(4, "Error: no order 3", { function: "bill" }),
    letter(5, "Error: no order 4"),
  ));
  assert.equal(ungrouped, 0);
  const [{ id, ...first }, ...others] = groups;
  assert.match(id, /^[0-9a-f]{10}$/);
  assert.deepEqual(first, {
    ...{ function: "ship", type: "orders.made", reason: "attempts-exhausted", error: "Error: no order #", count: 3 },
    ...{ first: "2026-11-21T10:00:01.000Z", last: "2026-11-21T10:00:05.000Z", sample: 1 },
  });
  assert.deepEqual(others.map(({ function: fn, count }) => [fn, count]), [["ship", 1], ["bill", 1]]);
});

Deno.test("groupLetters keeps 1,000 groups, and counts the letters beyond them", async () => {
  const letters = Array.from({ length: 1_500 }, (_, n) => letter(n, "Error: no", { type: `orders.t${n % 1_200}` }));
  const { groups, ungrouped } = await groupLetters(of(...letters));
  assert.deepEqual([groups.length, ungrouped], [1_000, 200]);
  assert.equal(groups[0].count, 2);
});

Deno.test("hasError selects by a text and by the id of a group", async () => {
  const one = letter(1, "Error: no order 17"), other = letter(2, "Error: late");
  const { groups: [{ id }] } = await groupLetters(of(one));
  assert.deepEqual([hasError(one, id), hasError(other, id)], [true, false]);
  assert.deepEqual([hasError(one, "order 17"), hasError(one, "order 18"), hasError(other, "late")], [
    true,
    false,
    true,
  ]);
});
