import assert from "node:assert/strict";
import { deadLetterLines } from "../../../runtime/cli/dead_letters/list.ts";
import type { DeadLetter } from "../../../runtime/core/dead_letter.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const ERROR = `TypeError: Cannot read properties of undefined ${"(reading 'sku') ".repeat(20)}`;
const LETTER: DeadLetter = {
  sequence: 1_234,
  function: "reserveInventory",
  reason: "attempts-exhausted",
  id: "o1",
  stream: "ORDERS",
  streamSequence: 1_234_567,
  type: "orders.created",
  error: `${ERROR}\nsecond line`,
  attempts: 5,
  time: "2026-11-19T09:59:48.123Z",
  redrives: 0,
};

for (const columns of [80, 120]) {
  Deno.test(`deadLetterLines fits a terminal of ${columns} columns, each error below its row`, async () => {
    const terminal = { terminal: true, colours: false, columns };
    const [head, , row, error, ...more] = await Array.fromAsync(deadLetterLines([LETTER], terminal, NOW));
    assert.deepEqual(more, []);
    assert.match(head, /^seq +function +type +reason +tries +time$/);
    assert.match(row, /^1234 +reserveInventory +orders\.created +attempts-exhausted +5 +2026-11-19$/);
    assert.match(error, /^ {2}TypeError: Cannot read properties of undefined \(reading .*…$/);
    assert.ok(error.length <= columns && error.length > 70, `${error.length}`);
  });
}

Deno.test("deadLetterLines shows redrives if there are any", async () => {
  const letters = [LETTER, { ...LETTER, redrives: 1 }];
  const [head] = await Array.fromAsync(deadLetterLines(letters, { terminal: true, colours: false }, NOW));
  assert.match(head, /tries +redriven +time$/);
});

Deno.test("deadLetterLines does not cut errors or times in a pipe", async () => {
  const [, row, ...more] = await Array.fromAsync(deadLetterLines([LETTER], { terminal: false, colours: false }, NOW));
  assert.deepEqual(more, []);
  assert.ok(row.includes(LETTER.time) && row.includes(ERROR.trimEnd()), row);
});
