import assert from "node:assert/strict";
import { defineEvent, defineFunction, every } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
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
