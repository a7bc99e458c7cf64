import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

/** One type in two releases. The later one has another shape, and an upcast from the earlier. */
const Before = defineEvent({ type: "shop.ordered", version: 1, data: z.object({ n: z.int(), total: z.int() }) });
const After = defineEvent({
  type: "shop.ordered",
  version: 2,
  data: z.object({ n: z.int(), total: z.object({ cents: z.int(), currency: z.string() }) }),
  upcasts: { 1: ({ n, total }: { n: number; total: number }) => ({ n, total: { cents: total, currency: "EUR" } }) },
});
const ROUNDS = 20;

Deno.test("a rolling deploy with two versions at work handles each event in the form of the release that has it", async () => {
  await using server = await startServer();
  const byOld: number[] = [], byNew: number[] = [];
  const before = defineFunction({ on: Before }, ({ data }) => {
    assert.equal(typeof data.total, "number");
    byOld.push(data.n);
  });
  const after = defineFunction({ on: After }, ({ data }) => {
    assert.deepEqual(data.total, { cents: data.n, currency: "EUR" });
    byNew.push(data.n);
  });
  const publishBoth = async (old: Publisher, next: Publisher, from: number) => {
    for (let n = from; n < from + ROUNDS; n += 2) {
      await old.publish(Before, { n, total: n });
      await next.publish(After, { n: n + 1, total: { cents: n + 1, currency: "EUR" } });
    }
  };
  type Publisher = Awaited<ReturnType<typeof startTestRuntime>>;
  await using publisher = await startTestRuntime({ functions: {}, schemas: [Before], server });
  const old = await startTestRuntime({ functions: { fn: before }, server });
  await using next = await startTestRuntime({ functions: { fn: after }, server });
  await publishBoth(old, next, 0);
  const handled = () => new Set([...byOld, ...byNew]).size;
  await eventually(() => handled() === ROUNDS);
  await old.stop();
  await publishBoth(publisher, next, ROUNDS); // a publisher of the earlier release is left
  await eventually(() => handled() === 2 * ROUNDS);
  assert.ok(byOld.every((n) => n % 2 === 0), "the earlier release has handled events of the later version");
  for (const { outcome } of [...old.settled, ...next.settled]) assert.notEqual(outcome.kind, "dead-letter");
});

Deno.test("a delayed retry and a redriven dead letter of an earlier version are upcast", async () => {
  await using server = await startServer();
  {
    const before = defineFunction({ on: Before }, ({ data }) => {
      if (data.n === 1) throw new RetryAfterError("6s"); // waits in RETRIES
      throw new NonRetryableError("not yet");
    });
    await using old = await startTestRuntime({ functions: { fn: before }, server });
    await old.publishAndSettle(Before, { n: 1, total: 10 });
    await old.publish(Before, { n: 2, total: 20 });
    await old.waitForDeadLetter("fn");
  }
  const handled: [number, number][] = [];
  const after = defineFunction({ on: After }, ({ data }) => void handled.push([data.n, data.total.cents]));
  await using next = await startTestRuntime({ functions: { fn: after }, server });
  const response = await fetch(`${next.adminUrl}/dead-letters/1/redrive`, { method: "POST" });
  assert.equal(response.status, 202, await response.text());
  await eventually(() => handled.length === 2);
  assert.deepEqual(handled.toSorted(([a], [b]) => a - b), [[1, 10], [2, 20]]);
});

Deno.test("an event of an earlier version whose upcast throws is a dead letter, invalid, that says so", async () => {
  await using server = await startServer();
  const Broken = defineEvent({ ...After, upcasts: { 1: (data) => data.nothing.there } });
  await using next = await startTestRuntime({ functions: { fn: defineFunction({ on: Broken }, () => {}) }, server });
  await using publisher = await startTestRuntime({ functions: {}, schemas: [Before], server });
  await publisher.publish(Before, { n: 1, total: 10 });
  const { headers } = await next.waitForDeadLetter("fn");
  assert.equal(headers["weir-reason"], "invalid");
  assert.match(headers["weir-error"], /the upcast from version 1 failed/);
});
