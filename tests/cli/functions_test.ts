import assert from "node:assert/strict";
import { functionTable } from "../../runtime/cli/functions.ts";
import type { FunctionStatus } from "../../runtime/http/admin.ts";
import { POLICY } from "../http/nothing.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const STATUS: FunctionStatus = {
  name: "reserveInventory",
  triggers: ["orders.created"],
  emits: ["stock.reserved"],
  policy: POLICY,
  attempts: 5,
  timeout: "30s",
  concurrency: 16,
  inFlight: 2,
  breaker: "closed",
  dependencies: { PaymentService: "open" },
  pending: 12_345,
  ackPending: 16,
  parked: 3,
  oldestWaitingMs: 3_723_456,
  lastError: { at: "2026-11-21T09:59:48Z", reason: "failed", error: `TypeError: ${"long ".repeat(60)}\nsecond line` },
};
const lines = (...status: FunctionStatus[]) =>
  functionTable(status, { terminal: true, colours: false }, NOW).split("\n");

Deno.test("the table of functions shows each with what waits for it and its last error", () => {
  const text = lines(STATUS).join("\n");
  assert.match(
    text,
    /reserveInventory *│ orders\.created *│ 5 of 30s *│ 2 of 16 *│ 12345 *│ 16 *│ 3 *│ 62m *│ itself: closed/,
  );
  assert.match(text, /→ stock\.reserved .*│ PaymentService: open/);
  assert.match(text, /12s ago, failed: TypeError: long /);
  assert.doesNotMatch(text, /second line/);
});

Deno.test("it fits a terminal of 125 columns, however long the error", () => {
  const long = Math.max(...lines(STATUS).map((line) => line.length));
  assert.ok(long <= 125, `it is ${long} columns wide`);
});

for (
  const [ms, shown] of [
    [undefined, "?"],
    [0, "0"],
    [40, "0"],
    [1_234, "1.2s"],
    [12_345, "12s"],
    [90_000, "90s"],
    [7_200_000, "2h"],
  ] as const
) {
  Deno.test(`an oldest event of ${ms} ms is shown as ${shown}`, () => {
    const [, , , row] = lines({ ...STATUS, oldestWaitingMs: ms, lastError: undefined });
    assert.equal(row.split("│")[8].trim(), shown);
  });
}

Deno.test("the policy is told in a few words, with what not every function has", () => {
  const policy = { ...POLICY, maxAge: "1d", idempotency: { ttl: "7d", key: "its own" } } as const;
  const shown = lines({ ...STATUS, policy, lastError: undefined }).slice(3, 7).map((line) => line.split("│")[3].trim());
  assert.deepEqual(shown, ["5 of 30s", "250ms…1m×2", "maxAge 1d", "once in 7d"]);
});

Deno.test("breakers that are all in one state are one word", () => {
  const [, , , row] = lines({ ...STATUS, dependencies: { PaymentService: "closed" } });
  assert.equal(row.split("│")[9].trim(), "closed");
});
