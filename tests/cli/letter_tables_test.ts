import assert from "node:assert/strict";
import { deadLetterTable } from "../../runtime/cli/dead_letters/list.ts";
import { retryTable } from "../../runtime/cli/retries.ts";
import type { DeadLetter } from "../../runtime/core/dead_letter.ts";
import type { DelayedRetry } from "../../runtime/core/delayed_retry.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const ERROR = `TypeError: Cannot read properties of undefined ${"(reading 'sku') ".repeat(20)}`;
const at = { stream: "ORDERS", streamSequence: 1_234_567, type: "orders.created", error: `${ERROR}\nsecond line` };
const LETTER: DeadLetter = {
  ...at,
  sequence: 1_234,
  function: "reserveInventory",
  reason: "attempts-exhausted",
  id: crypto.randomUUID(),
  attempts: 5,
  time: "2026-11-19T09:59:48.123Z",
  redrives: 0,
};
const DELAYED: DelayedRetry = { ...LETTER, due: "2026-11-24T09:59:48.123Z", reason: "failed" };

for (const columns of [80, 120]) {
  const shown = { terminal: true, colours: false, columns };
  Deno.test(`deadLetterTable fits a terminal of ${columns} columns, each error below its row`, () => {
    const [head, , row, error, ...more] = deadLetterTable([LETTER], shown, NOW).split("\n");
    assert.deepEqual(more, []);
    assert.match(head, /^seq +function +type +reason +tries +time$/);
    assert.match(row, /^1234 +reserveInventory +orders\.created +attempts-exhausted +5 +2026-11-19$/);
    assert.match(error, /^ {2}TypeError: Cannot read properties of undefined \(reading .*…$/);
    assert.ok(error.length <= columns && error.length > 70, `${error.length}`);
  });

  Deno.test(`delayed retries can be read on a terminal of ${columns} columns`, () => {
    const lines = retryTable([DELAYED], shown, NOW).split("\n");
    assert.equal(lines.length, 4);
    assert.match(lines[2], /^1234 +reserveInventory +orders\.created +[0-9a-f-]{20,}…? +2026-11-24 +5$/);
    assert.deepEqual(lines.filter((line) => line.length > columns), []);
  });
}

Deno.test("deadLetterTable shows redrives if there are any", () => {
  const shown = { terminal: true, colours: false };
  const [head] = deadLetterTable([LETTER, { ...LETTER, redrives: 1 }], shown, NOW).split("\n");
  assert.match(head, /tries +redriven +time$/);
});

Deno.test("deadLetterTable does not cut errors or times in a pipe", () => {
  const shown = { terminal: false, colours: false };
  const [, row, ...more] = deadLetterTable([LETTER], shown, NOW).split("\n");
  assert.deepEqual(more, []);
  assert.ok(row.includes(LETTER.time) && row.includes(ERROR.trimEnd()), row);
  const [, delayed] = retryTable([DELAYED], shown, NOW).split("\n");
  assert.ok(delayed.includes(DELAYED.due) && delayed.includes(DELAYED.id), delayed);
});
