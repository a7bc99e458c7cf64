import assert from "node:assert/strict";
import { defineEvent, defineFunction, type WeirEvent } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import type { DelayedRetry } from "../../runtime/core/delayed_retry.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { commandRunner } from "../support/commands.ts";
import { copyProject } from "../support/project.ts";

const Ordered = defineEvent({ type: "demo.ordered", version: 1, data: z.object({ n: z.int(), delay: z.int() }) });
const Paid = defineEvent({ type: "demo.paid", version: 1, data: z.object({ n: z.int() }) });
const Reminded = defineEvent({ type: "demo.reminded", version: 3, data: z.object({ n: z.int() }) });

function reminders() {
  const received: WeirEvent[] = [], lateMs: number[] = [];
  const order = defineFunction({ on: Ordered, emits: [Reminded], concurrency: 64 }, ({ data: { n, delay } }, ctx) => {
    ctx.emit(Reminded, { n }, { delay, key: `order-${n}` });
  });
  const pay = defineFunction({ on: Paid }, ({ data: { n } }, ctx) => ctx.cancel(`order-${n}`));
  const remind = defineFunction({ on: Reminded, concurrency: 64 }, (event, ctx) => {
    received.push(event);
    lateMs.push(ctx.now() - Date.parse(event.time));
  });
  return { received, lateMs, functions: { order, pay, remind } };
}

Deno.test("ctx.emit with a delay publishes an ordinary event once the time has come, and lists it until then", async () => {
  const { received, functions } = reminders();
  await using runtime = await startTestRuntime({ functions });
  const list = async () => await (await fetch(`${runtime.adminUrl}/retries`)).json() as DelayedRetry[];
  const { settled: [first], id } = await runtime.publishAndSettle(Ordered, { n: 1, delay: 3_600_000 });
  assert.equal(received.length, 0);
  const [{ id: emittedId, at, key }] = first.emitted;
  assert.equal(key, "order-1");
  const [{ sequence: _, due, ...listed }] = await list();
  assert.equal(due, at!.toISOString());
  assert.deepEqual(listed, {
    ...{ kind: "event", key: "order-1", function: "order", type: "demo.reminded", id: emittedId },
    ...{ reason: "delayed-event", attempts: 0, error: "", stream: "", streamSequence: 0 },
  });

  const soon = await runtime.publishAndSettle(Ordered, { n: 2, delay: 500 }, { waitForRetries: true, timeout: "1m" });
  assert.deepEqual(soon.settled.map((entry) => entry.function), ["order", "remind"]);
  const [event] = received, [emitted] = soon.settled[0].emitted;
  assert.notEqual(soon.id, id);
  assert.deepEqual(
    { id: event.id, type: event.type, source: event.source, time: event.time, data: event.data },
    {
      ...{ id: emitted.id, type: "demo.reminded", source: "/functions/order", time: emitted.at!.toISOString() },
      data: { n: 2 },
    },
  );
  assert.equal(event.extensions.dataschema, "urn:weir:schema:demo.reminded:3");
  assert.equal((await list()).length, 1);
});

Deno.test("ctx.cancel cancels the pending events of a key that another function emitted, and no others", async () => {
  const { received, functions } = reminders();
  await using runtime = await startTestRuntime({ functions });
  const list = async () => await (await fetch(`${runtime.adminUrl}/retries`)).json() as DelayedRetry[];
  for (const n of [1, 1, 2]) await runtime.publishAndSettle(Ordered, { n, delay: 3_600_000 });
  await runtime.publishAndSettle(Paid, { n: 7 }); // no such key
  assert.deepEqual((await list()).map(({ key }) => key), ["order-1", "order-1", "order-2"]);
  await runtime.publishAndSettle(Paid, { n: 1 });
  assert.deepEqual((await list()).map(({ key }) => key), ["order-2"]);
  await runtime.publishAndSettle(Ordered, { n: 3, delay: 300 }, { waitForRetries: true, timeout: "1m" });
  await runtime.publishAndSettle(Paid, { n: 3 }); // it was published already
  assert.deepEqual(received.map(({ data }) => data), [{ n: 3 }]);
});

Deno.test("[G10] ctx.emit with a delay publishes each of 1,000 events once, and none of those that were cancelled", async () => {
  const { received, lateMs, functions } = reminders();
  await using runtime = await startTestRuntime({ functions });
  const ordered = Array.from({ length: 1_000 }, (_, n) => n), cancelled = ordered.filter((n) => n % 10 === 0);
  // Those that are cancelled are far enough away for the cancel to come first on any machine.
  const delayOf = (n: number) => n % 10 === 0 ? 3_600_000 : 2_000;
  await Promise.all(ordered.map((n) => runtime.publish(Ordered, { n, delay: delayOf(n) })));
  await eventually(() => runtime.settled.filter((entry) => entry.function === "order").length === 1_000);
  await Promise.all(cancelled.map((n) => runtime.publish(Paid, { n })));
  await eventually(() => received.length >= 900);
  await eventually(() => runtime.settled.filter((entry) => entry.function === "pay").length === 100);
  assert.deepEqual(await (await fetch(`${runtime.adminUrl}/retries`)).json(), []);
  const ids = new Set(received.map(({ data }) => (data as { n: number }).n));
  assert.deepEqual([received.length, ids.size, cancelled.some((n) => ids.has(n))], [900, 900, false]);
  const sorted = lateMs.toSorted((a, b) => a - b), at = (part: number) => sorted[Math.floor(part * sorted.length)];
  console.log(`900 events with a delay of 2 s were late by ${at(0.5)} ms (median), ${at(0.99)} ms (p99)`);
});

Deno.test("retries cancel makes a dead letter of a delayed event, whose redrive publishes it at once", async () => {
  const { received, functions } = reminders();
  await using project = await copyProject();
  await using runtime = await startTestRuntime({ functions });
  const weir = commandRunner(project.path, runtime.server.url);
  await runtime.publishAndSettle(Ordered, { n: 1, delay: 3_600_000 });
  const [{ sequence }] = await (await fetch(`${runtime.adminUrl}/retries`)).json() as DelayedRetry[];
  const { text } = await weir("retries", "list");
  assert.match(text, / event +order-1/);
  assert.equal((await weir("retries", "cancel", String(sequence))).code, 0);
  const [letter] = await (await fetch(`${runtime.adminUrl}/dead-letters`)).json();
  assert.deepEqual(
    [letter.function, letter.type, letter.reason, letter.error],
    ["order", "demo.reminded", "cancelled", "CancelledError: the delayed event was cancelled"],
  );
  assert.equal((await weir("dead-letters", "redrive", String(letter.sequence))).code, 0);
  await eventually(() => received.length === 1);
  assert.deepEqual(received[0].data, { n: 1 });
});

Deno.test("functions rename takes the delayed events of a function along", async () => {
  const { received, functions: { order, remind } } = reminders();
  await using project = await copyProject();
  await using broker = await startBroker();
  const { server } = broker;
  const weir = commandRunner(project.path, server.url);
  {
    await using runtime = await startTestRuntime({ functions: { order, remind }, server });
    for (const n of [1, 2]) await runtime.publishAndSettle(Ordered, { n, delay: n * 3_600_000 });
  }
  await nothingPulls(broker.jsm);
  assert.equal((await weir("functions", "rename", "order", "book")).code, 0);
  await using runtime = await startTestRuntime({ functions: { book: order, remind }, server });
  const listed = await (await fetch(`${runtime.adminUrl}/retries`)).json() as DelayedRetry[];
  assert.deepEqual(listed.map((one) => [one.function, one.key]), [["book", "order-1"], ["book", "order-2"]]);
  assert.deepEqual(received, []);
});
