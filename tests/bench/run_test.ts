import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { startServer } from "../../runtime/nats_server/server.ts";
import { audit, createStream } from "./backlog.ts";
import { order, SUBJECT } from "./order.ts";
import { Helper } from "./process.ts";
import { BARE, brokenOf, runContestant } from "./run.ts";

async function setup(orders: readonly number[]) {
  const server = await startServer(), nc = await connect({ servers: server.url });
  await createStream(nc);
  for (const n of orders) await jetstream(nc).publish(SUBJECT, JSON.stringify(order(n)));
  const collector = {
    environment: () => ({}),
    takeSpanCount: () => Promise.resolve(0),
    [Symbol.asyncDispose]: async () => {},
  };
  return {
    nc,
    setting: { server, nc, collector, rounds: 1, events: 4, progress: () => {} },
    [Symbol.asyncDispose]: async () => {
      await nc.close();
      await server.stop();
    },
  };
}

Deno.test("runContestant counts lost and repeated events, and brokenOf names them", async () => {
  await using bench = await setup([0, 1, 1, 3]);
  const size = { events: 4, warmUp: 1, stalledMs: 1_500 };
  const run = await runContestant(bench.setting, BARE, size);
  assert.deepEqual([run.lost, run.repeated], [1, 1]);
  assert.deepEqual(brokenOf(new Map([["bare loop", [run]]])), [
    "bare loop, round 1: 1 events were lost",
    "bare loop, round 1: 1 events were handled more than once",
  ]);
  assert.deepEqual(await audit(bench.nc, 4), { lost: 1, repeated: 1 });
});

Deno.test("brokenOf returns nothing if each event was handled once", async () => {
  await using bench = await setup([0, 1, 2, 3]);
  const run = await runContestant(bench.setting, BARE, { events: 4, warmUp: 1 });
  assert.deepEqual([run.lost, run.repeated], [0, 0]);
  assert.deepEqual(brokenOf(new Map([["bare loop", [run]]])), []);
  assert.ok(run.perSecond > 0 && run.cpuMicros > 0 && run.memoryBytes > 1e6);
});

Deno.test("Helper names a process that ended without the expected line, with its last lines", async () => {
  await using helper = new Helper("the program", ["data:application/javascript,console.log('good night')"]);
  await assert.rejects(helper.waitForLine("ready"), { message: "the program ended (exit code 0) after good night" });
});
