import assert from "node:assert/strict";
import { defineFunction, type FunctionDefinition } from "weir";
import { mustWait } from "../../runtime/engine/debounce.ts";
import { DependencyBreakers } from "../../runtime/engine/dependency_breakers.ts";
import { Pipeline } from "../../runtime/engine/pipeline.ts";
import type { DeliveryHistory } from "../../runtime/core/delivery.ts";
import { TestClock } from "../../runtime/testing/test_clock.ts";
import { registryOf } from "../../runtime/testing/test_registry.ts";
import { delivery } from "../support/deliveries.ts";
import { LEASE } from "../support/invocation.ts";
import { pipelinePorts } from "../support/pipeline_ports.ts";

const HISTORY: DeliveryHistory = { attempts: 0, excusedDeliveries: 0, redrives: 0 };

/** Handles one delivery of a function. Returns the outcome, the keys that were postponed, and the runs. */
async function handled(
  options: Pick<FunctionDefinition["options"], "debounce" | "where">,
  { history = HISTORY, problem, valid = true }: { history?: DeliveryHistory; problem?: string; valid?: boolean } = {},
) {
  const clock = new TestClock(delivery().storedAtMs), keys: string[] = [];
  let runs = 0;
  const [fn] = registryOf({ ship: defineFunction({ on: "orders.>", ...options }, () => void runs++) }).functions;
  const pipeline = new Pipeline(fn, new DependencyBreakers({}, clock, () => {}), {
    ...pipelinePorts(clock),
    pending: {
      postpone: (_name, key) => {
        keys.push(key);
        return problem ? Promise.reject(new Error(problem)) : Promise.resolve();
      },
    },
  });
  const answers = [true], lease = { ...LEASE, isValid: () => answers.shift() ?? valid };
  const outcome = await pipeline.handle(pipeline.newAttempt({ ...delivery(), history }, lease));
  return { outcome, keys, runs };
}

const debounce = { quiet: "10s" } as const, DEBOUNCED = { kind: "ack", skipped: "debounced" };

Deno.test("debounceEvent postpones an event, and acks it without a run", async () => {
  assert.deepEqual(await handled({ debounce }), { outcome: DEBOUNCED, keys: ["all"], runs: 0 });
});

Deno.test("debounceEvent keeps the events of different keys apart", async () => {
  const of = async (key: string) => (await handled({ debounce: { ...debounce, by: () => key } })).keys[0];
  assert.equal(await of("a"), await of("a"));
  assert.notEqual(await of("a"), await of("b"));
  assert.match(await of("a.b > *"), /^[0-9a-f]{32}$/);
});

Deno.test("debounceEvent retries an event that cannot be stored, without using an attempt", async () => {
  const { outcome, runs } = await handled({ debounce }, { problem: "no answer" });
  assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "state-unavailable", usesAttempt: false });
  assert.equal(runs, 0);
});

Deno.test("debounceEvent settles nothing once the lease has expired", async () => {
  assert.deepEqual((await handled({ debounce }, { valid: false })).outcome, { kind: "lease-expired" });
});

const mistakes: [title: string, by: () => unknown][] = [
  ["throws", () => assert.fail("no id")],
  ["returns no text", () => 5],
];
for (const [title, by] of mistakes) {
  Deno.test(`debounceEvent fails an attempt whose \`by\` ${title}`, async () => {
    const { outcome, keys } = await handled({ debounce: { ...debounce, by: by as () => string } });
    assert.partialDeepStrictEqual(outcome, { kind: "retry", reason: "failed", usesAttempt: true });
    assert.deepEqual(keys, []);
  });
}

Deno.test("debounceEvent is not reached by an event that `where` skips", async () => {
  const { outcome, keys } = await handled({ debounce, where: () => false });
  assert.deepEqual([outcome, keys], [{ kind: "ack", skipped: "filtered" }, []]);
});

const histories: [title: string, history: Partial<DeliveryHistory>, waits: boolean][] = [
  ["from its stream", {}, true],
  ["that was retried before it waited", { excusedDeliveries: 3 }, true],
  ["that has waited", { isDebounced: true }, false],
  ["that was redriven", { redrives: 1 }, false],
  ["of a replay", { replay: "r1" }, false],
];
for (const [title, history, waits] of histories) {
  Deno.test(`mustWait is ${waits} for an event ${title}`, async () => {
    assert.equal(mustWait({ ...HISTORY, ...history }), waits);
    assert.equal((await handled({ debounce }, { history: { ...HISTORY, ...history } })).runs, waits ? 0 : 1);
  });
}
