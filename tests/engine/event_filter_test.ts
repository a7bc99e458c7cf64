import assert from "node:assert/strict";
import { defineEvent, defineFunction, type FunctionDefinition, NonRetryableError, RetryAfterError } from "weir";
import { invoke } from "weir/testing";
import { z } from "zod";
import type { AttemptCounts } from "../../runtime/engine/attempt_store.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import { MemoryIdempotencyStore } from "../../runtime/testing/memory_idempotency_store.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { delivery } from "../support/deliveries.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";

const Paid = defineEvent({ type: "orders.paid", version: 1, data: z.object({ total: z.coerce.number() }) });
const Refunded = defineEvent({ type: "orders.refunded", version: 1, data: z.object({ total: z.number() }) });
const FILTERED = { kind: "ack", skipped: "filtered" };

/** Handles a delivery whose stored counts are known. Returns the outcome, the runs and what was stored, in order. */
async function handled(
  where: () => boolean,
  { deliveryCount = 1, valid = true }: { deliveryCount?: number; valid?: boolean } = {},
) {
  const clock = new TestClock(delivery().storedAtMs), calls: string[] = [];
  const definition = defineFunction({
    on: "orders.>",
    idempotency: true,
    where: () => {
      calls.push("where");
      return where();
    },
  }, () => void calls.push("run"));
  const stored: AttemptCounts = { begun: 1, excused: 0, mayHaveEmitted: false };
  const [fn] = registryOf({ ship: definition }).functions, store = new MemoryIdempotencyStore();
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    ...pipelinePorts(clock),
    attempts: {
      read: () => Promise.resolve(stored),
      write: (_name, _delivery, { begun }) => Promise.resolve(void calls.push(`stored ${begun}`)),
      markPrefetching: () => Promise.resolve(),
    },
    idempotency: {
      claim: (...claim) => {
        calls.push("claim");
        return store.claim(...claim);
      },
    },
  });
  const answers = [true, valid], lease = { isValid: () => answers.shift() ?? valid, renew() {}, release() {} };
  const outcome = await pipeline.handle(pipeline.newAttempt({ ...delivery(), deliveryCount }, lease));
  pipeline.runner.abortAll();
  return { outcome, calls };
}

Deno.test("filterEvent acks an event as `filtered`, without a claim", async () => {
  assert.deepEqual(await handled(() => false), { outcome: FILTERED, calls: ["where"] });
  assert.deepEqual(await handled(() => true), { outcome: { kind: "ack" }, calls: ["where", "claim", "run"] });
});

Deno.test("filterEvent stores first that an attempt of a redelivery begins: a `where` that kills the process is counted", async () => {
  const filtered = await handled(() => false, { deliveryCount: 2 });
  assert.deepEqual(filtered, { outcome: FILTERED, calls: ["stored 2", "where"] });
  const passed = await handled(() => true, { deliveryCount: 2 });
  assert.deepEqual(passed.calls, ["stored 2", "where", "claim", "run"]);
});

Deno.test("filterEvent asks nothing when the lease expires while the attempt is stored", async () => {
  const { outcome, calls } = await handled(() => false, { deliveryCount: 2, valid: false });
  assert.deepEqual([outcome.kind, calls], ["lease-expired", ["stored 2"]]);
});

const rows: [title: string, where: () => unknown, expected: object][] = [
  ["an error", () => assert.fail("no total"), { kind: "retry", reason: "failed", usesAttempt: true }],
  ["a NonRetryableError", () => {
    throw new NonRetryableError("never");
  }, { kind: "dead-letter", reason: "rejected" }],
  ["a RetryAfterError", () => {
    throw new RetryAfterError("7s");
  }, { kind: "retry", reason: "retry-after", delayMs: 7_000 }],
  ["a promise that rejects", () => Promise.reject(new Error("late")), { kind: "retry", reason: "failed" }],
  ["undefined", () => undefined, { kind: "retry", reason: "failed" }],
  ["a truthy text", () => "yes", { kind: "retry", reason: "failed" }],
];
for (const [title, where, expected] of rows) {
  Deno.test(`filterEvent makes a failed attempt of a \`where\` with ${title}, and no silent ack`, async () => {
    let runs = 0;
    const ship = defineFunction({ on: Paid, where: where as () => boolean }, () => void runs++);
    const { outcome } = await invoke(ship, { total: 1 });
    assert.partialDeepStrictEqual(outcome, expected);
    assert.equal(runs, 0);
  });
}

Deno.test("filterEvent names the function and what `where` returned", async () => {
  const where = (() => undefined) as unknown as () => boolean;
  const { outcome } = await invoke(defineFunction({ name: "ship", on: Paid, where }, () => {}), { total: 1 });
  assert.ok(outcome.kind === "retry");
  assert.equal(outcome.error?.message, "`where` of ship must return true or false, not undefined");
});

Deno.test("filterEvent lets an event become a dead letter when its `where` throws at the last attempt", async () => {
  const ship = defineFunction({ on: Paid, where: () => assert.fail("always") }, () => {});
  const { outcome } = await invoke(ship, { total: 1 }, { attempt: 5 });
  assert.partialDeepStrictEqual(outcome, { kind: "dead-letter", reason: "attempts-exhausted", attempts: 5 });
});

Deno.test("filterEvent takes no permit of a breaker: a filtered event is acked while the breaker is open", async () => {
  const ship = defineFunction({ on: Paid, where: ({ data }) => data.total > 10 }, () => {});
  assert.deepEqual((await invoke(ship, { total: 1 }, { breaker: "open" })).outcome, FILTERED);
  assert.partialDeepStrictEqual((await invoke(ship, { total: 11 }, { breaker: "open" })).outcome, {
    kind: "retry",
    reason: "breaker-open",
  });
});

Deno.test("filterEvent gets the decoded event of each trigger, and none that its schema refuses", async () => {
  const seen: unknown[] = [];
  const ship: FunctionDefinition<readonly [typeof Paid, typeof Refunded]> = defineFunction({
    on: [Paid, Refunded],
    where: (event) => {
      seen.push([event.type, event.data]);
      return event.type === "orders.paid" && event.data.total > 10;
    },
  }, () => {});
  assert.deepEqual((await invoke(ship, { total: "11" })).outcome, { kind: "ack" });
  assert.deepEqual((await invoke(ship, { total: 11 }, { event: Refunded })).outcome, FILTERED);
  assert.deepEqual(seen, [["orders.paid", { total: 11 }], ["orders.refunded", { total: 11 }]]);
  assert.partialDeepStrictEqual((await invoke(ship, { total: "x" })).outcome, { reason: "invalid" });
  assert.equal(seen.length, 2);
});

Deno.test("filterEvent gets the bytes of a raw pattern with `decode`", async () => {
  const keep = defineFunction({ on: "legacy.>", decode: "bytes", where: ({ data }) => data.length > 2 }, () => {});
  assert.deepEqual((await invoke(keep, new Uint8Array(2))).outcome, FILTERED);
  assert.deepEqual((await invoke(keep, new Uint8Array(3))).outcome, { kind: "ack" });
});
