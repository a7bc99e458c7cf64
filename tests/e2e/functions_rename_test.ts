import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("functions rename takes the backlog to the new name, and is refused while the function runs", async () => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const weir = commandRunner(project.path, broker.server.url), handled: string[] = [];
  const start = (name: string) => {
    const fn = defineFunction({ on: Asked }, ({ data }) => void handled.push(`${name} ${data.n}`));
    return startTestRuntime({ functions: { [name]: fn }, server: broker.server });
  };
  {
    await using runtime = await start("ship");
    await runtime.publish(Asked, { n: 0 });
    await eventually(() => handled.length === 1);
    const { code, text } = await weir("functions", "rename", "ship", "deliver");
    assert.deepEqual(
      [code, /^weir: a process pulls for ship, or did within the last minute/.test(text)],
      [1, true],
      text,
    );
    assert.match((await weir("functions", "rename", "shipp", "deliver")).text, /"shipp": did you mean "ship"\?$/);
    assert.equal((await weir("functions", "rename", "ship", "a b")).code, 64);
    await weir("functions", "pause", "ship");
    await Promise.all(Array.from({ length: 500 }, (_, n) => runtime.publish(Asked, { n: n + 1 })));
  }
  await nothingPulls(broker.jsm);
  const { text } = await weir("functions", "rename", "ship", "deliver");
  assert.match(text, /^ship is deliver now: 0 retries, 0 dead letters and 0 handled events moved/);
  assert.match((await weir("functions", "rename", "ship", "deliver")).text, /there is no function "ship"/);
  await using _ = await start("deliver");
  assert.deepEqual(handled, ["ship 0"], "the pause moves along");
  await weir("functions", "resume", "deliver");
  await eventually(() => handled.length === 501);
  const expected = Array.from({ length: 500 }, (_, n) => `deliver ${n + 1}`);
  assert.deepEqual(handled.slice(1).sort(), expected.sort());
});
