import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";

const data = z.object({ n: z.int(), key: z.string() });
const Asked = defineEvent({ type: "demo.asked", version: 1, data });

Deno.test("functions rename takes parked keys to the new name, and a redrive of the first returns the others in order", async () => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const weir = commandRunner(project.path, broker.server.url), state = { works: false }, handled: string[] = [];
  const parks = defineFunction({
    on: Asked,
    order: { by: ({ data }) => data.key, onFailure: "park" },
    retry: { attempts: 1 },
  }, ({ data: { n, key } }) => {
    if (!state.works && key === "bad" && n === 0) throw new Error("down");
    handled.push(`${key} ${n}`);
  });
  const start = (name: string) => startTestRuntime({ functions: { [name]: parks }, server: broker.server });
  const letters = async () => (await broker.jsm.streams.info("DEAD_LETTERS")).state.messages;
  {
    await using runtime = await start("ship");
    for (let n = 0; n < 20; n++) await runtime.publish(Asked, { n, key: "bad" });
    await runtime.publish(Asked, { n: 0, key: "good" });
    await eventually(async () => await letters() === 20 && handled.length === 1);
  }
  await nothingPulls(broker.jsm);
  const { text } = await weir("functions", "rename", "ship", "deliver");
  assert.match(text, /^ship is deliver now: 0 retries, 20 dead letters and 0 handled events moved/);
  await using runtime = await start("deliver");
  await runtime.publish(Asked, { n: 20, key: "bad" });
  await eventually(async () => await letters() === 21);
  assert.deepEqual(handled, ["good 0"], "the key stays parked");
  state.works = true;
  const response = await fetch(`${runtime.adminUrl}/dead-letters/redrive`, { method: "POST" });
  const { redriven, parked } = await response.json();
  assert.deepEqual([redriven, parked], [1, 20]);
  await eventually(() => handled.length === 22);
  assert.deepEqual(handled.slice(1), Array.from({ length: 21 }, (_, n) => `bad ${n}`));
});
