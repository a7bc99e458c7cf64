import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { startLoad, startPlanned } from "./planned.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Added = defineEvent({ type: "demo.added", version: 1, data: z.object({ n: z.int() }) });
const PER_SECOND = 500;

Deno.test("apply adds a trigger under load, and no event stored from then on is lost or repeated", async () => {
  await using planned = await startPlanned();
  const { jsm } = planned.cluster;
  const asked: number[] = [], added: number[] = [];
  const handle = async ({ type, data }: { type: string; data: { n: number } }) => {
    await new Promise((resolve) => setTimeout(resolve, data.n % 7)); // keeps some events unsettled at any time
    (type === Asked.type ? asked : added).push(data.n);
  };
  const old = defineFunction({ on: Asked, concurrency: 16 }, handle);
  const next = defineFunction({ on: [Asked, Added], concurrency: 16 }, handle);
  const before = await startTestRuntime({ functions: { fn: old }, schemas: [Added], server: planned.server });
  const load = startLoad((n) => before.publish(n % 2 ? Asked : Added, { n }), PER_SECOND);
  await eventually(() => asked.length > 220);

  const [step] = await planned.plan({ fn: next });
  assert.equal(step.kind, "update");
  const skipped = step.kind === "update" ? step.leftOut : [];
  assert.deepEqual(skipped.map(({ why, subject }) => [why, subject]), [["older", Added.type]]);
  assert.ok(skipped[0].events! >= 200, `the plan names only ${skipped[0].events}`);
  const from = load.count + 1; // events from this number on are stored after the change
  const sent = () => load.count > from + 300;
  await planned.apply({ fn: next });
  const applied = load.count; // events from this number on are published after the change
  const after = await startTestRuntime({ functions: { fn: next }, server: planned.server });
  await eventually(sent);
  const count = await load.stop();
  await before.stop();
  const numbers = Array.from({ length: count }, (_, n) => n);
  await eventually(async () => {
    const { num_pending, num_ack_pending } = await jsm.consumers.info("DEMO", "fn");
    return num_pending + num_ack_pending + (await jsm.streams.info("RETRIES")).state.messages === 0;
  });
  await after.stop();
  assert.deepEqual(asked.toSorted((a, b) => a - b), numbers.filter((n) => n % 2 === 1));
  assert.equal(new Set(added).size, added.length);
  const first = Math.min(...added);
  assert.ok(first <= applied + 1, `the first that was handled is ${first}; the change was made by ${applied}`);
  assert.deepEqual(added.toSorted((a, b) => a - b), numbers.filter((n) => n % 2 === 0 && n >= first));
});
