import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { commandRunner } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject, removeName } from "../support/project.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

/** A runtime with the functions `ship`, which handles events, and `bill`, which fails them until `state.works`. */
async function setup(url?: Awaited<ReturnType<typeof startServer>>) {
  const state = { works: false, shipped: [] as number[], billed: [] as number[] };
  const ship = defineFunction({ on: Asked }, ({ data }) => void state.shipped.push(data.n));
  const bill = defineFunction({ on: Asked, retry: { attempts: 9, initial: "6s", jitter: "none" } }, ({ data }) => {
    if (!state.works) throw new Error("not yet");
    state.billed.push(data.n);
  });
  const runtime = await startTestRuntime({ functions: { ship, bill }, ...(url && { server: url }) });
  const functions = async () => {
    const all = await (await fetch(`${runtime.adminUrl}/functions`)).json() as Record<string, unknown>[];
    return Object.fromEntries(all.map((fn) => [fn.name, fn])) as Record<
      string,
      { pending: number; pausedUntil?: string }
    >;
  };
  const degraded = async () => (await (await fetch(`${runtime.adminUrl}/health/ready`)).json()).degraded ?? {};
  return { state, runtime, functions, degraded };
}

Deno.test("functions pause holds back one function on every process, across a restart, until functions resume", async (t) => {
  await using project = await copyProject();
  await removeName(project.path); // the test's runtime has none
  await using server = await startServer();
  const weir = commandRunner(project.path, server.url);
  {
    const { state, runtime, functions, degraded } = await setup(server);
    await using _ = runtime;
    await runtime.publish(Asked, { n: 0 });
    await eventually(() => state.shipped.length === 1);

    await t.step("an unknown name is refused with a suggestion, and nothing is paused", async () => {
      const { code, text } = await weir("functions", "pause", "ship", "bil");
      assert.deepEqual([code, text], [1, 'weir: there is no function "bil": did you mean "bill"?']);
      assert.equal((await functions()).ship.pausedUntil, undefined);
      assert.equal((await weir("functions", "pause", "ship", "--for", "0s")).code, 64);
    });

    await t.step("the paused function gets no event, and the other does", async () => {
      assert.deepEqual(await weir("functions", "pause", "ship"), {
        code: 0,
        text: "ship is paused until it is resumed",
      });
      state.works = true;
      for (let n = 1; n <= 200; n++) await runtime.publish(Asked, { n });
      await eventually(() => state.billed.length === 201); // the first by a delayed retry
      assert.deepEqual(state.shipped, [0]);
    });

    await t.step("health, the metric and the table name the pause", async () => {
      const { ship } = await eventually(async () => {
        return Object.keys(await degraded()).includes("function ship") ? await degraded() : undefined;
      }).then((found) => ({ ship: found["function ship"] }));
      assert.equal(ship, "paused until it is resumed: `deno task functions resume ship`");
      const page = await eventually(async () => { // metrics read the server every five seconds
        const text = await (await fetch(`${runtime.adminUrl}/metrics`)).text();
        return valueOf(text, "weir_function_paused", { function: "ship" }) === 1 ? text : undefined;
      });
      assert.equal(valueOf(page, "weir_function_paused", { function: "bill" }), 0);
      const ready = await fetch(`${runtime.adminUrl}/health/ready`);
      await ready.body?.cancel();
      assert.equal(ready.status, 200);
      const { text } = await commandRunner(project.path, server.url, { ADMIN_PORT: new URL(runtime.adminUrl).port })(
        "functions",
      );
      assert.match(text, /^ship .*\n {2}paused until it is resumed$/m);
      assert.equal((await functions()).ship.pending, 200);
    });
  }
  const { state, runtime, degraded } = await setup(server);
  await using _ = runtime;
  await t.step("after a restart the function is paused, and resume brings all that waited", async () => {
    await eventually(async () => "function ship" in await degraded());
    assert.deepEqual(state.shipped, []);
    assert.deepEqual(await weir("functions", "resume", "ship", "bill"), {
      code: 0,
      text: "ship is resumed\nbill was not paused",
    });
    await eventually(() => state.shipped.length === 200);
    assert.equal(new Set(state.shipped).size, 200);
    await eventually(async () => !("function ship" in await degraded()));
  });
});

Deno.test("functions pause --for ends by itself, and names the time", async () => {
  await using project = await copyProject();
  await using server = await startServer();
  const { state, runtime } = await setup(server);
  await using _ = runtime;
  const { text } = await commandRunner(project.path, server.url)("functions", "pause", "ship", "--for", "2s", "--json");
  const [{ name, pausedUntil }] = JSON.parse(text);
  assert.equal(name, "ship");
  await runtime.publish(Asked, { n: 1 });
  await eventually(() => state.shipped.length === 1);
  assert.ok(Date.now() >= Date.parse(pausedUntil));
});

Deno.test("TopologyKeeper gives the pause of a function to a consumer that it creates again", async () => {
  await using broker = await startBroker();
  const { state, runtime } = await setup(broker.server);
  await using _ = runtime;
  for (const stream of ["RETRIES", "DEMO"]) {
    await broker.jsm.consumers.pause(stream, "ship", new Date("2200-01-01T00:00:00Z"));
  }
  await broker.jsm.consumers.delete("DEMO", "ship");
  const { config } = await eventually(() => broker.jsm.consumers.info("DEMO", "ship"));
  assert.equal(config.pause_until, "2200-01-01T00:00:00Z");
  assert.deepEqual(state.shipped, []);
});
