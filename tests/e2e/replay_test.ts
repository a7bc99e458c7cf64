import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startCommands } from "../support/commands.ts";
import { eventually } from "../support/eventually.ts";
import { startBroker } from "../support/nats.ts";
import { copyProject } from "../support/project.ts";
import { startWeir } from "../support/weir_process.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int(), of: z.string() }) });

/** A runtime with three functions on one event; `ship` and `once` note what they handle in a replay. */
async function setup() {
  const replayed: { ship: number[]; once: number[] } = { ship: [], once: [] };
  let first = 0, others = 0;
  const handled = () => first;
  const ship = defineFunction({ on: Asked }, ({ data }, { replay }) => {
    if (replay === undefined) first++;
    else replayed.ship.push(data.n);
  });
  const once = defineFunction({ on: Asked, idempotency: true }, ({ data }, { replay }) => {
    if (replay !== undefined) replayed.once.push(data.n);
  });
  const other = defineFunction({ on: Asked }, () => void others++);
  const broker = await startBroker();
  const runtime = await startTestRuntime({ functions: { ship, once, other }, server: broker.server });
  const publish = async (count: number) => {
    for (let n = 0; n < count; n++) {
      broker.nc.publish("demo.asked", JSON.stringify({ n, of: `c ${n % 10}` }));
      if (n % 500 === 499) await broker.nc.flush();
    }
    const waits = async () => {
      const all = await Promise.all(["ship", "once", "other"].map((name) => broker.jsm.consumers.info("DEMO", name)));
      return all.some(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0);
    };
    await eventually(async () => first === count && others === count && !await waits(), { every: 50 });
  };
  const project = await copyProject(), weir = await startCommands(project.path, broker.server.url);
  return {
    ...{ broker, runtime, replayed, handled, publish, project, weir },
    others: () => others,
    [Symbol.asyncDispose]: async () => {
      await weir[Symbol.asyncDispose]();
      await runtime[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

Deno.test("[G22] replay sends the events of a range that match to one function, marked, and to no other", async (t) => {
  await using all = await setup();
  const { weir, replayed, broker } = all;
  await all.publish(100);

  await t.step("--dry-run counts, and sends nothing", async () => {
    const { code, text } = await weir("replay", "ship", "--from", "1", "--where", "of=c 3", "--dry-run", "--json");
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(text), {
      ...{ function: "ship", events: 10, read: 100 },
      streams: [{ stream: "DEMO", events: 10, first: 4, last: 94 }],
    });
    assert.equal((await broker.jsm.streams.info("RETRIES")).state.last_seq, 0);
  });

  await t.step("a range without events is answered with the sequences that the stream holds", async () => {
    const { code, text } = await weir("replay", "ship", "--from", "200", "--dry-run");
    assert.equal(code, 0, text);
    assert.match(text, /^0 of 0 events would be sent to ship$/m);
    assert.match(text, /^DEMO holds the sequences 1 to 100, of 20\S+ to 20\S+$/m);
  });

  await t.step("the events come once, with ctx.replay", async () => {
    const { code, text } = await weir("replay", "ship", "--since", "1h", "--where", "of=c 3", "--json");
    assert.equal(code, 0, text);
    const { sent, read, finished } = JSON.parse(text.slice(text.indexOf("{")));
    assert.deepEqual([sent, read, finished], [10, 100, true]);
    await eventually(() => replayed.ship.length === 10);
    assert.deepEqual(sorted(replayed.ship), Array.from({ length: 10 }, (_, n) => 10 * n + 3));
    assert.deepEqual([all.handled(), all.others(), replayed.once], [100, 100, []]);
    await eventually(async () => (await broker.jsm.streams.info("RETRIES")).state.messages === 0);
  });

  await t.step("a range by sequences", async () => {
    replayed.ship.length = 0;
    assert.match((await weir("replay", "ship", "--from", "11", "--until", "15")).text, /: 5 of 5 events sent to ship$/);
    await eventually(() => replayed.ship.length === 5);
    assert.deepEqual(sorted(replayed.ship), [10, 11, 12, 13, 14]);
  });

  await t.step("an idempotent function skips what it has handled, unless with --force", async () => {
    const skipped = async () => {
      const page = await (await fetch(`${all.runtime.adminUrl}/metrics`)).text();
      return /weir_function_outcomes_total\{function="once",outcome="ack",reason="handled-before"\} (\d+)/.exec(page)
        ?.[1];
    };
    await weir("replay", "once", "--from", "1", "--until", "5");
    await eventually(async () => await skipped() === "5");
    assert.deepEqual(replayed.once, []);
    await weir("replay", "once", "--from", "1", "--until", "5", "--force");
    await eventually(() => replayed.once.length === 5);
  });

  await t.step("a time long before all events is that of the first, and none is left behind", async () => {
    const { code, text } = await weir("replay", "ship", "--since", "900000d", "--until", "0001-01-01");
    assert.match(text, /: 0 of 0 events sent to ship$/m);
    assert.equal(code, 0);
  });

  await t.step("mistakes are refused", async () => {
    assert.equal((await weir("replay", "ship")).code, 64);
    assert.equal((await weir("replay", "ship", "--since", "1h", "--from", "1")).code, 64);
    assert.equal((await weir("replay", "ship", "--since", "1h", "--where", "nothing")).code, 64);
    assert.match((await weir("replay", "shop", "--since", "1h")).text, /no function "shop": did you mean "ship"\?$/);
    assert.match(
      (await weir("replay", "ship", "--from", "1", "--stream", "NONE")).text,
      /no consumer on NONE; it has on DEMO/,
    );
  });
});

Deno.test("[G22] replay that is killed and run again sends each event once", async () => {
  await using all = await setup();
  const { weir, replayed, broker, project } = all;
  await all.publish(3_000);
  const args = ["replay", "ship", "--from", "1", "--where", "of=c 3"];
  for (const count of [8, 30]) {
    const env = { NATS_URL: broker.server.url, ADMIN_PORT: "1", NO_COLOR: "1" };
    await using program = startWeir(project.path, [...args, "--rate", "20/s"], env);
    await eventually(() => replayed.ship.length >= count);
    program.kill("SIGKILL");
    await program.status;
  }
  assert.match(
    (await weir("replay", "ship", "--from", "2")).text,
    /was interrupted: finish it with `replay ship --from 1 --where 'of=c 3'`, or --abandon it$/m,
  );
  const { code, text } = await weir(...args);
  assert.equal(code, 0, text);
  assert.match(text, /^continues replay-[0-9a-f]+: \d+ events were sent before$/m);
  assert.match(text, /: 300 of 3000 events sent to ship$/);
  await eventually(async () => (await broker.jsm.streams.info("RETRIES")).state.messages === 0);
  assert.deepEqual(sorted(replayed.ship), Array.from({ length: 300 }, (_, n) => 10 * n + 3));
  assert.deepEqual([all.handled(), all.others()], [3_000, 3_000]);
  assert.match((await weir("replay", "ship", "--abandon")).text, /no replay of the function was interrupted/);
});
