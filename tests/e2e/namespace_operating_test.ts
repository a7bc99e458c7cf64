import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { nothingPulls } from "../support/nothing_pulls.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const DELAYED = 3, REFUSED = 4;

/** A function in a namespace, or in none, and what it has handled. */
function shop() {
  const handled: number[] = [], replayed: number[] = [];
  const ship = defineFunction({ on: Asked }, ({ data: { n } }, { replay, attempt }) => {
    if (n === DELAYED && attempt === 1) throw new RetryAfterError("1h");
    if (n === REFUSED) throw new NonRetryableError("refused");
    (replay === undefined ? handled : replayed).push(n);
  });
  return { handled, replayed, ship };
}

Deno.test("WEIR_NAMESPACE bounds pause, replay, cancel, dead-letters groups and rename to one of two functions of a name", async (t) => {
  await using project = await copyProject();
  await using broker = await startBroker();
  const { server, jsm } = broker, inShop = shop(), plain = shop(), env = { WEIR_NAMESPACE: "shop" };
  const weir = commandRunner(project.path, server.url, env);
  await using outside = await startTestRuntime({ functions: { ship: plain.ship }, server });
  await using scope = new AsyncDisposableStack();
  const inside = scope.use(await startTestRuntime({ functions: { ship: inShop.ship }, server, env }));
  const publish = async (...numbers: number[]) => {
    for (const runtime of [inside, outside]) for (const n of numbers) await runtime.publish(Asked, { n });
  };
  await publish(1, 2, DELAYED, REFUSED);
  await eventually(() => inShop.handled.length === 2 && plain.handled.length === 2);
  await inside.waitForDeadLetter("ship");
  await outside.waitForDeadLetter("ship");

  await t.step("pause", async () => {
    const { code, text } = await weir("functions", "pause", "ship");
    assert.equal(code, 0, text);
    await publish(5);
    await eventually(() => plain.handled.includes(5));
    assert.equal((await jsm.consumers.info("shop_DEMO", "shop_ship")).num_pending, 1);
    assert.equal((await weir("functions", "resume", "ship")).code, 0);
    await eventually(() => inShop.handled.includes(5));
  });

  await t.step("replay", async () => {
    const { code, text } = await weir("replay", "ship", "--from", "1", "--where", "n=2");
    assert.equal(code, 0, text);
    await eventually(() => inShop.replayed.length === 1);
    assert.deepEqual([inShop.replayed, plain.replayed], [[2], []]);
  });

  await t.step("cancel", async () => {
    const { code, text } = await weir("events", "cancel", "shop_DEMO", String(DELAYED), "--function", "ship");
    assert.equal(code, 0, text);
    assert.match(text, /is a dead letter of ship now/);
    assert.equal((await jsm.streams.info("RETRIES")).state.messages, 1, "the other's delayed retry waits on");
  });

  await t.step("dead-letters groups", async () => {
    const groups = JSON.parse((await weir("dead-letters", "groups", "--json")).text) as { reason: string }[];
    assert.deepEqual(groups.map(({ reason }) => reason).sort(), ["cancelled", "rejected"]);
  });

  await t.step("rename", async () => {
    await scope.disposeAsync();
    await nothingPulls(jsm, ["shop_DEMO", "shop_RETRIES"]);
    const { text } = await weir("functions", "rename", "ship", "deliver");
    assert.match(text, /^ship is deliver now: 0 retries, 2 dead letters /);
    const names = await Array.fromAsync(jsm.consumers.list("shop_DEMO"), ({ name }) => name);
    assert.deepEqual(names, ["shop_deliver"]);
    assert.equal(
      (await jsm.consumers.info("shop_RETRIES", "shop_deliver")).config.metadata?.["weir-namespace"],
      "shop",
    );
    assert.equal((await jsm.consumers.info("DEMO", "ship")).name, "ship");
  });
});
