import assert from "node:assert/strict";
import { defineEvent, defineFunction, every } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), key: z.string() }) });

Deno.test("batch with debounce handles the last event of each key, several in a batch", async () => {
  const batches: string[][] = [];
  const index = defineFunction({
    on: Asked,
    batch: { size: 10, maxWait: "4s" },
    debounce: { quiet: "3s", by: ({ data }) => data.key },
  }, (events) => void batches.push(events.map(({ data: { key, n } }) => `${key}${n}`)));
  await using runtime = await startTestRuntime({ functions: { index } });
  for (let n = 0; n < 4; n++) for (const key of ["a", "b", "c"]) await runtime.publish(Asked, { n, key });
  await eventually(() => batches.flat().length >= 3);
  assert.deepEqual(batches.flat().sort(), ["a3", "b3", "c3"]);
  assert.ok(batches.length < 3, `${batches.length} batches`);
  await eventually(() => runtime.settled.filter(({ outcome }) => outcome.kind === "ack").length === 12 + 3);
});

Deno.test("batch on a schedule collects its ticks, each once", async () => {
  const batches: string[][] = [];
  const count = defineFunction(
    { on: every("1s"), batch: { size: 3, maxWait: "30s" } },
    (events) => void batches.push(events.map(({ data }) => data.scheduledAt)),
  );
  await using _runtime = await startTestRuntime({ functions: { count } });
  const [first, second] = await eventually(() => batches.length >= 2 ? batches : undefined);
  assert.deepEqual([first.length, second.length], [3, 3]);
  assert.equal(new Set([...first, ...second]).size, 6);
});

Deno.test("[G24][G25] batch with order has one event of a key at most, and one that fails keeps back the later ones", async () => {
  await using server = await startServer();
  const runs: { key: string; n: number }[][] = [], failed = new Set<number>(), running = new Set<string>();
  const atOnce: string[] = [];
  const store = defineFunction({
    on: Asked,
    batch: { size: 8, maxWait: "200ms" },
    order: { by: ({ data }) => data.key },
    retry: { attempts: 4, initial: "10ms" },
  }, async (events, ctx) => {
    const keys = events.map(({ data }) => data.key);
    runs.push(events.map(({ data: { key, n } }) => ({ key, n })));
    atOnce.push(...keys.filter((key) => running.has(key)));
    for (const key of keys) running.add(key);
    await new Promise((resolve) => setTimeout(resolve, 2));
    for (const key of keys) running.delete(key);
    for (const event of events) {
      if (event.data.n % 17 !== 5 || failed.has(event.data.n)) continue;
      failed.add(event.data.n);
      ctx.batch.fail(event, new Error("as planned"));
    }
  });
  await using first = await startTestRuntime({ functions: { store }, server });
  await using second = await startTestRuntime({ functions: { store }, server });
  for (let n = 0; n < 200; n++) await first.publish(Asked, { n, key: `key ${n % 12}` });
  const acked = () => [...first.settled, ...second.settled].filter(({ outcome }) => outcome.kind === "ack").length;
  await eventually(() => acked() === 200);
  assert.deepEqual(atOnce, []);
  for (const run of runs) assert.equal(new Set(run.map(({ key }) => key)).size, run.length);
  for (let k = 0; k < 12; k++) {
    const numbers = runs.flat().filter(({ key }) => key === `key ${k}`).map(({ n }) => n);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  }
  assert.equal(failed.size, 12);
  assert.ok(runs.some(({ length }) => length > 4), `batches of ${runs.map(({ length }) => length)}`);
});

Deno.test("[G17] batch with rate starts no more events than the limit over two replicas, and one that fails is retried", async () => {
  await using server = await startServer();
  const starts: { n: number; atMs: number; attempt: number }[] = [], sizes: number[] = [];
  const send = defineFunction({
    on: Asked,
    batch: { size: 30, maxWait: "50ms" },
    rate: { limit: 40, per: "1s" },
    retry: { attempts: 3, initial: "10ms" },
  }, (events, { attempt }) => {
    sizes.push(events.length);
    for (const { data: { n } } of events) starts.push({ n, atMs: performance.now(), attempt });
    if (events.some(({ data }) => data.n === 7)) throw new Error("as planned");
  });
  await using first = await startTestRuntime({ functions: { send }, server });
  await using second = await startTestRuntime({ functions: { send }, server });
  await Promise.all(Array.from({ length: 120 }, (_, n) => first.publish(Asked, { n, key: "" })));
  const outcomes = () => [...first.settled, ...second.settled].map(({ outcome }) => outcome);
  await eventually(() => outcomes().filter(({ kind }) => kind === "ack").length === 119);
  await eventually(() => outcomes().some(({ kind }) => kind === "dead-letter"));
  const [{ atMs: sinceMs }] = starts;
  // The clocks of processes may differ by milliseconds.
  starts.forEach(({ atMs }, i) => assert.ok(i < 40 * (1 + Math.floor((atMs - sinceMs) / 950)), `start ${i + 1}`));
  assert.deepEqual(starts.filter(({ n }) => n === 7).map(({ attempt }) => attempt), [1, 2, 3]);
  assert.ok(sizes.some((size) => size > 1) && sizes.every((size) => size <= 30), `batches of ${sizes}`);
  for (const outcome of outcomes()) {
    if (outcome.kind === "retry" && !outcome.usesAttempt) assert.equal(outcome.reason, "rate-limited");
  }
});
