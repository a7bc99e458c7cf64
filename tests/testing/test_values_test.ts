import assert from "node:assert/strict";
import { defineConfig, defineEvent, defineFunction, defineResource } from "weir";
import { assertAcked, assertIdempotent, assertRetried, fakeResource, invoke, startTestRuntime } from "weir/testing";
import postgres from "postgres";
import { z } from "zod";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

interface Store {
  put(n: number): Promise<void>;
  size(): number;
}

function storeOf(numbers: Set<number> | number[]): Store {
  return {
    put: async (n) => void await ("add" in numbers ? numbers.add(n) : numbers.push(n)),
    size: () => "size" in numbers ? numbers.size : numbers.length,
  };
}

const real: number[] = [];
const store = defineResource({ name: "store", open: () => storeOf(real), close: () => real.push(-1) });
const config = defineConfig(z.object({ STEP: z.coerce.number().default(1), NAME: z.string().optional() }));
const work = defineFunction({ on: Asked, needs: [store] }, async ({ data: { n } }, ctx) => {
  await ctx.use(store).put(n * config.get().STEP);
  await store.get().put(0);
});

Deno.test("invoke gives a handler the resources and variables of the test, also in parallel", async () => {
  const runs = [1, 2, 3].map(async (step) => {
    const numbers: number[] = [];
    const put = (n: number) => new Promise<void>((resolve) => setTimeout(() => resolve(void numbers.push(n)), 5));
    const resources = [fakeResource(store, { put })];
    assertAcked(await invoke(work, { n: 10 }, { resources, env: { STEP: String(step) } }));
    assert.deepEqual(numbers, [10 * step, 0]);
  });
  await Promise.all(runs);
  assert.deepEqual(real, []);
});

Deno.test("invoke opens no resource, and says how to give one and a variable", async () => {
  const missing = await invoke(work, { n: 1 });
  assertRetried(missing, { reason: "failed" });
  assert.match(
    JSON.stringify(missing.outcome),
    /resource \\"store\\" is not open: .*`resources: \[fakeResource\(…\)\]`/,
  );
  const wrong = await invoke(work, { n: 1 }, { resources: [fakeResource(store, storeOf([]))], env: { STEP: "one" } });
  assert.match(JSON.stringify(wrong.outcome), /STEP is not as wanted: .* give the test `env: \{ … \}`/);
});

Deno.test("ctx.use refuses what is no resource", async () => {
  const wrong = defineFunction({ on: Asked }, (_event, ctx) => void ctx.use("store" as never));
  const { outcome } = await invoke(wrong, { n: 1 });
  assert.match(JSON.stringify(outcome), /ctx\.use takes a resource of defineResource, not \\"store\\"/);
});

Deno.test("assertIdempotent gives each run the resources of its setup", async () => {
  const options = (make: () => Set<number> | number[]) => ({
    setup: make,
    resources: (numbers: Set<number> | number[]) => [fakeResource(store, storeOf(numbers))],
    world: (numbers: Set<number> | number[]) => [...numbers],
    env: { STEP: "2" },
  });
  await assertIdempotent(work, { n: 1 }, options(() => new Set<number>()));
  await assert.rejects(assertIdempotent(work, { n: 1 }, options(() => [])), /is not idempotent/);
});

Deno.test("startTestRuntime opens what a function needs, and closes it; a fake replaces it", async () => {
  {
    await using runtime = await startTestRuntime({ functions: { work }, env: { STEP: "3" } });
    await runtime.publishAndSettle(Asked, { n: 7 });
    assert.deepEqual(real, [21, 0]);
  }
  assert.deepEqual(real, [21, 0, -1]);
  const numbers: number[] = [];
  await using runtime = await startTestRuntime({
    functions: { work },
    resources: [fakeResource(store, storeOf(numbers))],
  });
  await runtime.publishAndSettle(Asked, { n: 7 });
  assert.deepEqual([real.length, numbers], [3, [7, 0]]);
});

Deno.test("fakeResource and get are typed by the value of open", () => {
  const later = defineResource({ name: "later", open: () => Promise.resolve({ n: 1 }), close: ({ n }) => n });
  const value = () => later.get().n satisfies number;
  const step = () => config.get() satisfies { STEP: number; NAME?: string };
  const sql = defineResource({ name: "sql", open: () => postgres("postgres://unused") });
  const fake = fakeResource(sql, (_strings: TemplateStringsArray, ..._values: string[]) => Promise.resolve([]));
  assert.equal(fake.resource.name, "sql");
  // @ts-expect-error: the value has no such member
  fakeResource(later, { m: 1 });
  // @ts-expect-error: a text is no number
  fakeResource(later, { n: "1" });
  assert.deepEqual([typeof value, typeof step], ["function", "function"]);
});
