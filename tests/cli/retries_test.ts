import assert from "node:assert/strict";
import { retryLines } from "../../runtime/cli/retries.ts";
import type { DelayedRetry } from "../../runtime/core/delayed_retry.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const RETRY: DelayedRetry = {
  kind: "retry",
  sequence: 1_234,
  function: "reserveInventory",
  reason: "failed",
  id: crypto.randomUUID(),
  stream: "ORDERS",
  streamSequence: 1_234_567,
  type: "orders.created",
  error: `TypeError: Cannot read properties of undefined ${"(reading 'sku') ".repeat(20)}\nsecond line`,
  attempts: 5,
  due: "2026-11-24T09:59:48.123Z",
};

for (const columns of [80, 120]) {
  Deno.test(`retryLines fits a terminal of ${columns} columns`, async () => {
    const lines = await Array.fromAsync(retryLines([RETRY], { terminal: true, colours: false, columns }, NOW));
    assert.equal(lines.length, 4);
    assert.match(lines[2], /^1234 +reserveInventory +orders\.created +[0-9a-f-]{20,}…? +2026-11-24 +5$/);
    assert.deepEqual(lines.filter((line) => line.length > columns), []);
  });
}

Deno.test("retryLines shows the kind and the key of each once there is a delayed event", async () => {
  const event: DelayedRetry = { ...RETRY, kind: "event", key: "order-7", attempts: 0 };
  const [head, first, second] = await Array.fromAsync(
    retryLines([RETRY, event], { terminal: false, colours: false }, NOW),
  );
  assert.match(head, /attempts +kind +key +error$/);
  assert.match(first, / 5 +retry +TypeError/);
  assert.match(second, / 0 +event +order-7 +TypeError/);
});

Deno.test("retryLines does not cut times or ids in a pipe", async () => {
  const [, row] = await Array.fromAsync(retryLines([RETRY], { terminal: false, colours: false }, NOW));
  assert.ok(row.includes(RETRY.due) && row.includes(RETRY.id), row);
});
