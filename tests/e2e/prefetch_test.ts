import assert from "node:assert/strict";
import { type BreakerOptions, defineEvent, defineFunction, type RetryOptions } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { type Broker, startBroker } from "../support/nats.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const CONCURRENCY = 16;

/** Stores events before anything runs. */
async function store({ jsm, nc }: Broker, count: number): Promise<void> {
  await jsm.streams.add({ name: "DEMO", subjects: ["demo.>"] });
  for (let n = 0; n < count; n++) nc.publish("demo.asked", JSON.stringify({ n }));
  await nc.flush();
  await eventually(async () => (await jsm.streams.info("DEMO")).state.messages === count);
}

/** A function whose first `quick` events end at once, and all others once `slow` resolves. It lists what it began. */
function quickThenSlow(quick: number, options: { retry?: RetryOptions; breaker?: BreakerOptions } = {}) {
  const slow = Promise.withResolvers<void>(), begun: { n: number; attempt: number }[] = [];
  const all = { on: Asked, concurrency: CONCURRENCY, ...options };
  const work = defineFunction(all, async ({ data: { n } }, { attempt }) => {
    begun.push({ n, attempt });
    await (n < quick ? Promise.resolve() : slow.promise);
  });
  return { work, begun, slow };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const once = (begun: readonly { n: number }[]) => begun.map(({ n }) => n).toSorted((a, b) => a - b);

Deno.test("PullConsumer pulls ahead of a quick handler: a backlog takes fewer pulls than its slots fill", async () => {
  await using broker = await startBroker();
  await store(broker, 5_000);
  const pulls: number[] = [];
  broker.nc.subscribe("$JS.API.CONSUMER.MSG.NEXT.DEMO.work", {
    callback: (_error, msg) => void pulls.push(msg.json<{ batch: number }>().batch),
  });
  await broker.nc.flush();
  const { work, begun } = quickThenSlow(Infinity);
  await using _runtime = await startTestRuntime({ functions: { work }, server: broker.server });
  await eventually(() => begun.length === 5_000);
  assert.deepEqual(once(begun), numbers(5_000));
  assert.ok(pulls.length < 5_000 / CONCURRENCY, `${pulls.length} pulls: ${pulls}`);
});

Deno.test("[G17] Dispatcher gives back what a handler that became slow cannot begin: an idle replica handles it, as a first attempt", async () => {
  await using broker = await startBroker();
  await store(broker, 600);
  const first = quickThenSlow(300), second = quickThenSlow(Infinity);
  await using _first = await startTestRuntime({ functions: { work: first.work }, server: broker.server });
  await eventually(() => first.begun.some(({ n }) => n >= 300));
  await using _second = await startTestRuntime({ functions: { work: second.work }, server: broker.server });
  // The first replica is still busy with what its slots hold, and nothing waits for it.
  await eventually(() => first.begun.length + second.begun.length === 600);
  const slow = first.begun.filter(({ n }) => n >= 300).length;
  assert.ok(slow <= CONCURRENCY, `${slow} began in the slow replica`);
  const held = async () => (await broker.jsm.consumers.info("DEMO", "work")).num_ack_pending;
  await eventually(async () => await held() === slow);
  first.slow.resolve();
  await eventually(async () => await held() === 0);
  const all = [...first.begun, ...second.begun];
  assert.deepEqual(once(all), numbers(600));
  assert.deepEqual(all.filter(({ attempt }) => attempt !== 1), []);
});

Deno.test("[G17] Dispatcher gives back what it pulled ahead when the breaker opens: a replica whose breaker is closed handles it", async () => {
  await using broker = await startBroker();
  await store(broker, 600);
  const options = { retry: { initial: "1ms" }, breaker: { consecutiveFailures: 5, openFor: "1h" } } as const;
  const first = quickThenSlow(300, options), second = quickThenSlow(Infinity, options);
  await using runtime = await startTestRuntime({ functions: { work: first.work }, server: broker.server });
  await eventually(() => first.begun.filter(({ n }) => n >= 300).length === CONCURRENCY);
  first.slow.reject(new Error("down"));
  await eventually(() => runtime.settled.filter(({ outcome }) => outcome.kind === "retry").length >= CONCURRENCY);
  await using _second = await startTestRuntime({ functions: { work: second.work }, server: broker.server });
  await eventually(() =>
    new Set([...first.begun.filter(({ n }) => n < 300), ...second.begun].map(({ n }) => n)).size === 600
  );
  assert.equal((await broker.jsm.streams.info("RETRIES")).state.messages, 0);
});

Deno.test("[G17] shutdown gives back at once what was pulled ahead, without using an attempt", async () => {
  await using broker = await startBroker();
  await store(broker, 600);
  const first = quickThenSlow(300), second = quickThenSlow(Infinity);
  const runtime = await startTestRuntime({ functions: { work: first.work }, server: broker.server });
  await eventually(() => first.begun.filter(({ n }) => n >= 300).length === CONCURRENCY);
  const stopped = runtime.stop();
  await using _second = await startTestRuntime({ functions: { work: second.work }, server: broker.server });
  await eventually(() => first.begun.length + second.begun.length === 600);
  first.slow.resolve();
  await stopped;
  const all = [...first.begun, ...second.begun];
  assert.deepEqual(once(all), numbers(600));
  assert.deepEqual(all.filter(({ attempt }) => attempt !== 1), []);
});
