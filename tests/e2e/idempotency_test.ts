import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startBroker } from "../support/nats.ts";
import { eventually } from "../support/eventually.ts";

const Paid = defineEvent({ type: "demo.paid", version: 1, data: z.object({ orderId: z.string() }) });
const Shipped = defineEvent({ type: "demo.shipped", version: 1, data: z.object({ orderId: z.string() }) });

/** A function that records its runs, and rejects the event while `fails` returns true. */
function shipping(runs: string[], options: { key?: boolean; fails?: () => boolean } = {}) {
  return defineFunction({
    on: Paid,
    emits: [Shipped],
    retry: { initial: "10ms", attempts: 3 },
    idempotency: options.key ? { key: ({ data }) => data.orderId } : true,
  }, ({ data }, ctx) => {
    runs.push(data.orderId);
    if (options.fails?.()) throw new NonRetryableError("no");
    ctx.emit(Shipped, { orderId: data.orderId });
  });
}

/** Resolves once the function has no pending and no unsettled event. */
async function quiet(adminUrl: string) {
  await eventually(async () => {
    const [status] = await (await fetch(`${adminUrl}/functions`)).json();
    return status.pending === 0 && status.ackPending === 0;
  });
}

Deno.test("[G12] idempotency skips an event that is published again after the duplicate window", async () => {
  const runs: string[] = [];
  await using runtime = await startTestRuntime({ functions: { ship: shipping(runs) } });
  await using nats = await startBroker();
  await runtime.publish(Paid, { orderId: "o1" }, { id: "e1" });
  await runtime.waitForEvent(Shipped);
  // Without `Nats-Msg-Id` JetStream stores the repeat, as it does after its duplicate window of two minutes.
  const nc = await nats.connect(runtime.server.url);
  for (const id of ["e1", "e2"]) {
    const hdrs = headers();
    for (const [name, value] of Object.entries({ id, type: Paid.type, source: "/test", specversion: "1.0" })) {
      hdrs.set(`ce-${name}`, value);
    }
    nc.publish(Paid.type, JSON.stringify({ orderId: id === "e1" ? "o1 again" : "o2" }), { headers: hdrs });
  }
  await runtime.waitForEvent(Shipped, ({ orderId }) => orderId === "o2");
  await quiet(runtime.adminUrl);
  assert.deepEqual(runs, ["o1", "o2"]);
});

Deno.test("idempotency with a `key` runs events of the same key once", async () => {
  const runs: string[] = [];
  await using runtime = await startTestRuntime({ functions: { ship: shipping(runs, { key: true }) } });
  for (const orderId of ["o1", "o2", "o1", "o1", "o3"]) await runtime.publish(Paid, { orderId });
  await runtime.waitForEvent(Shipped, ({ orderId }) => orderId === "o3");
  await quiet(runtime.adminUrl);
  assert.deepEqual(runs.toSorted(), ["o1", "o2", "o3"]);
});

Deno.test("[G12] idempotency runs the redrive of an event that failed", async () => {
  const runs: string[] = [];
  let fails = true;
  await using runtime = await startTestRuntime({ functions: { ship: shipping(runs, { fails: () => fails }) } });
  await runtime.publish(Paid, { orderId: "o1" }, { id: "e1" });
  await runtime.waitForDeadLetter("ship");
  await quiet(runtime.adminUrl);
  fails = false;
  const [letter] = await (await fetch(`${runtime.adminUrl}/dead-letters`)).json();
  const redriven = await fetch(`${runtime.adminUrl}/dead-letters/${letter.sequence}/redrive`, { method: "POST" });
  assert.equal(redriven.status, 202);
  await redriven.body?.cancel();
  await runtime.waitForEvent(Shipped);
  await quiet(runtime.adminUrl);
  assert.deepEqual(runs, ["o1", "o1"]);
});

Deno.test("[G12] idempotency runs an event once that two replicas hold at the same time", async () => {
  await using server = await startServer();
  const runs: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  const ship = defineFunction(
    { on: Paid, retry: { initial: "10ms" }, idempotency: { key: ({ data }) => data.orderId } },
    async ({ data }) => {
      runs.push(data.orderId);
      await held;
    },
  );
  await using one = await startTestRuntime({ functions: { ship }, server });
  await using _other = await startTestRuntime({ functions: { ship }, server });
  for (let i = 0; i < 8; i++) await one.publish(Paid, { orderId: "o1" });
  await eventually(async () => {
    const [status] = await (await fetch(`${one.adminUrl}/functions`)).json();
    return runs.length > 0 && status.pending === 0;
  });
  release();
  await quiet(one.adminUrl);
  assert.deepEqual(runs, ["o1"]);
});
