import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import type { DeadLetter } from "../../runtime/core/dead_letter.ts";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("events cancel makes an event a dead letter of one function, wherever it waits", async (t) => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const runs: number[] = [], others: number[] = [], state = { works: false };
  const retry = { attempts: 100, initial: "1s", max: "1s", jitter: "none" } as const;
  const ship = defineFunction({ on: Asked, retry, breaker: { consecutiveFailures: 1_000 } }, ({ data }) => {
    runs.push(data.n);
    if (state.works) return;
    if (data.n === 2) throw new RetryAfterError("1h");
    throw new Error(`no ${data.n}`);
  });
  const other = defineFunction({ on: Asked }, ({ data }) => void others.push(data.n));
  const start = () => startTestRuntime({ functions: { ship, other }, server: broker.server });
  await using weir = await startCommands(project.path, broker.server.url);
  const letters = async ({ adminUrl }: { adminUrl: string }) =>
    await (await fetch(`${adminUrl}/dead-letters`)).json() as DeadLetter[];
  {
    await using runtime = await start();
    await t.step("one that is retried ends at its next attempt, and the other subscriber keeps it", async () => {
      await runtime.publish(Asked, { n: 1 });
      await eventually(() => runs.length > 1);
      const { code, text } = await weir("events", "cancel", "DEMO", "1", "--function", "ship");
      assert.equal(code, 0, text);
      assert.match(text, /^1 of DEMO becomes a dead letter of ship at its next attempt/);
      await eventually(async () => (await letters(runtime)).length === 1);
      const [{ function: fn, reason, streamSequence, error }] = await letters(runtime);
      assert.deepEqual([fn, reason, streamSequence], ["ship", "cancelled", 1]);
      assert.equal(error, "CancelledError: an operator cancelled it");
      await eventually(() => others.length === 1);
    });

    await t.step("a delayed retry ends at once", async () => {
      await runtime.publish(Asked, { n: 2 });
      await eventually(async () => (await (await fetch(`${runtime.adminUrl}/retries`)).json()).length === 1);
      const { text } = await weir("events", "cancel", "DEMO", "2", "--function", "ship");
      assert.match(text, /^2 of DEMO is a dead letter of ship now/);
      assert.deepEqual((await letters(runtime)).map(({ reason }) => reason), ["cancelled", "cancelled"]);
    });

    await t.step("one that is settled, or unknown, is refused", async () => {
      const cancel = (stream: string, sequence: string, fn: string) =>
        weir("events", "cancel", stream, sequence, "--function", fn);
      assert.deepEqual(await cancel("DEMO", "1", "other"), {
        code: 1,
        text: "weir: other has settled 1 of DEMO already",
      });
      assert.deepEqual(await cancel("DEMO", "99", "ship"), {
        code: 1,
        text: "weir: DEMO stores no event for ship at 99",
      });
      assert.match((await cancel("NONE", "1", "ship")).text, /ship has no consumer on NONE; it has on DEMO$/);
      assert.match((await cancel("DEMO", "1", "shipp")).text, /no function "shipp": did you mean "ship"\?$/);
    });

    await t.step("a redrive of a cancelled event runs", async () => {
      state.works = true;
      const before = runs.length;
      assert.equal((await weir("dead-letters", "redrive", "--all")).code, 0);
      await eventually(() => runs.length === before + 2);
      await eventually(async () => (await letters(runtime)).length === 0);
    });
    await weir("functions", "pause", "ship");
    await runtime.publish(Asked, { n: 3 });
    await runtime.publish(Asked, { n: 4 });
    assert.equal((await weir("events", "cancel", "DEMO", "3", "--function", "ship")).code, 0);
  }
  await t.step("one that was not delivered yet ends without a run, also after a restart", async () => {
    await using runtime = await start();
    await weir("functions", "resume", "ship");
    await eventually(async () => (await letters(runtime)).length === 1);
    await eventually(() => runs.includes(4));
    assert.ok(!runs.includes(3));
    assert.deepEqual((await letters(runtime)).map(({ attempts, streamSequence }) => [attempts, streamSequence]), [[
      0,
      3,
    ]]);
  });
});
