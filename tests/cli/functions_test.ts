import assert from "node:assert/strict";
import { functionTable, functionText } from "../../runtime/cli/functions.ts";
import type { FunctionStatus } from "../../runtime/http/admin/function_routes.ts";
import { POLICY } from "../support/default_policy.ts";
import { copyProject } from "../support/project.ts";
import { WEIR_OPTIONS } from "../support/weir_process.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const STATUS: FunctionStatus = {
  name: "reserveInventory",
  triggers: ["orders.created"],
  emits: ["stock.reserved"],
  policy: POLICY,
  attempts: 5,
  timeout: "20s",
  concurrency: 16,
  inFlight: 2,
  breaker: "closed",
  dependencies: { PaymentService: "open" },
  pending: 12_345,
  ackPending: 16,
  delayedRetries: 3,
  oldestWaitingMs: 3_723_456,
  lastError: { at: "2026-11-21T09:59:48Z", reason: "failed", error: `TypeError: ${"long ".repeat(60)}\nsecond line` },
};
const TERMINAL = { terminal: true, colours: false, columns: 120 };
const lines = (...status: FunctionStatus[]) => functionTable(status, TERMINAL, NOW).split("\n");

Deno.test("functionTable shows pending events and the last error of each function", () => {
  const text = lines(STATUS).join("\n");
  assert.match(
    text,
    /reserveInventory +orders\.created +5 tries of 20s +2 of 16 +12345 +16 +3 +62m +itself: closed/,
  );
  assert.match(text, /→ stock\.reserved +up to 250ms … 1m +PaymentService: open/);
  assert.match(text, /12s ago, failed: TypeError: long /);
  assert.doesNotMatch(text, /second line/);
});

for (const columns of [80, 120]) {
  Deno.test(`functionTable fits a terminal of ${columns} columns, with a long error`, () => {
    const shown = functionTable([{ ...STATUS, dependencies: {} }], { ...TERMINAL, columns }, NOW).split("\n");
    assert.deepEqual(shown.filter((line) => line.length > columns), []);
    assert.match(shown[2], /^reserveInventory +orders\.created .*2 of 16 +12345 +(16 +)?3 +62m +closed$/);
    assert.equal(shown[0].includes("policy"), columns === 120);
    if (columns === 80) assert.match(shown.at(-1)!, /^policy, unsettled: on a terminal of 110 columns/);
  });
}

Deno.test("functionTable writes a line for each function in a pipe, with an arrow between triggers and emitted types", () => {
  const one = { ...STATUS, emits: ["payments.captured", "payments.declined"], lastError: undefined };
  const [, row, ...more] = functionTable([one], { terminal: false, colours: false }, NOW).split("\n");
  assert.deepEqual(more, []);
  assert.match(
    row,
    /^reserveInventory {2}orders\.created → payments\.captured, payments\.declined {2}5 tries of 20s, u/,
  );
});

for (
  const [ms, shown] of [
    [undefined, "?"],
    [0, "0ms"],
    [40, "40ms"],
    [1_234, "1.2s"],
    [12_345, "12s"],
    [90_000, "90s"],
    [7_200_000, "2h"],
  ] as const
) {
  Deno.test(`functionTable shows an oldest event of ${ms} ms as ${shown}`, () => {
    const [, , row] = lines({ ...STATUS, oldestWaitingMs: ms, lastError: undefined });
    assert.equal(row.split(/ {2,}/)[7], shown);
  });
}

Deno.test("functionTable shows no oldest event if none waits", () => {
  const [, , row] = lines({ ...STATUS, pending: 0, ackPending: 0, oldestWaitingMs: 0, lastError: undefined });
  assert.equal(row.split(/ {2,}/)[7], "-");
});

Deno.test("functionTable summarises the policy, with maxAge and idempotency if set", () => {
  const policy = { ...POLICY, maxAge: "1d", idempotency: { ttl: "7d", key: "its own" } } as const;
  const shown = functionTable([{ ...STATUS, policy, lastError: undefined }], { terminal: false, colours: false }, NOW);
  assert.match(shown, / {2}5 tries of 20s, up to 250ms … 1m, maxAge 1d, once in 7d {2}/);
});

Deno.test("functionTable summarises order with partitions, batches and debounce", () => {
  const order = { by: "its own", onFailure: "block", partitions: 4 } as const;
  const batch = { size: 50, maxWait: "1s", maxBytes: 4_194_304 } as const, debounce = { quiet: "3s" } as const;
  const shown = (policy: FunctionStatus["policy"]) =>
    functionTable([{ ...STATUS, policy, lastError: undefined }], { terminal: false, colours: false }, NOW);
  assert.match(shown({ ...POLICY, order }), / … 1m, in order of each key, 4 partitions {2}/);
  assert.match(shown({ ...POLICY, batch }), / … 1m, in batches of 50 {2}/);
  assert.match(shown({ ...POLICY, debounce }), / … 1m, the last, once quiet for 3s {2}/);
});

Deno.test("functionText says why a process is on standby for a function with order", () => {
  const order = { state: "standby", waiting: 0, blockedKeys: 0, parkedKeys: 0 } as const;
  const shown = (order: FunctionStatus["order"]) => functionText({ ...STATUS, order }, TERMINAL, NOW);
  assert.match(shown(order), / {2}standby \(another process is the holder, or no event has come yet\), 0 waiting/);
  assert.match(shown({ ...order, partitions: [] }), / {2}standby \(other processes hold the partitions, or no event/);
  assert.match(shown({ ...order, state: "holder", partitions: [0, 1] }), / {2}holder of partitions 0, 1, 0 waiting/);
});

Deno.test("functionTable shows exact delays of a policy without jitter", () => {
  const policy = { ...POLICY, retry: { ...POLICY.retry, jitter: "none" } } as const;
  const shown = functionTable([{ ...STATUS, policy }], { terminal: false, colours: false }, NOW);
  assert.match(shown, /, exactly 250ms … 1m {2}/);
});

Deno.test("functionTable shows running handlers as unknown if no process was asked", () => {
  const [, , row] = lines({ ...STATUS, breaker: "unknown", inFlight: 0, lastError: undefined });
  assert.match(row, / {2}\? of 16 {2}/);
});

Deno.test("functionTable shows one word for breakers in the same state", () => {
  const [, , row] = lines({ ...STATUS, dependencies: { PaymentService: "closed" } });
  assert.equal(row.split(/ {2,}/)[8], "closed");
});

Deno.test("functions shows the project and exits with 1 if neither a runtime nor NATS answers", async () => {
  await using project = await copyProject();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...WEIR_OPTIONS, "weir/cli", "functions"],
    cwd: project.path,
    env: { NATS_URL: "nats://127.0.0.1:1", ADMIN_PORT: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 1);
  assert.match(text(stdout), /^reserveInventory /m);
  assert.match(text(stderr), /no runtime answers .*\ncannot connect to NATS .*; pending events are unknown\n$/s);
});
