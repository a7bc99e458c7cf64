import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

async function setup() {
  const server = await startServer();
  const seen: number[] = [];
  let reached: (() => void) | undefined, wanted = 0;
  const fn = defineFunction({ on: Asked }, ({ data }) => {
    seen.push(data.n);
    if (seen.length >= wanted) reached?.();
  });
  const runtime = await startTestRuntime({ functions: { fn }, server, env: { LOG_LEVEL: "error" } });
  const nc = await connect({ servers: server.url });
  return {
    server,
    runtime,
    seen,
    jsm: await jetstreamManager(nc),
    saw: (count: number) =>
      new Promise<void>((resolve) => {
        wanted = count;
        if (seen.length >= count) resolve();
        else reached = resolve;
      }),
    [Symbol.asyncDispose]: async () => {
      await nc.close();
      await runtime.stop();
      await server.stop();
    },
  };
}

Deno.test("[G7] Reconciler creates a deleted consumer again, and pulling goes on", async () => {
  await using bench = await setup();
  await bench.runtime.publish(Asked, { n: 1 });
  await bench.saw(1);
  await bench.jsm.consumers.delete("DEMO", "fn");
  await bench.runtime.publish(Asked, { n: 2 });
  // The ack floor was not read yet, so both events are delivered: repeated rather than lost.
  await bench.saw(3);
  assert.deepEqual(bench.seen.toSorted(), [1, 1, 2]);
});

Deno.test("[G7] Reconciler creates a deleted stream again, and it stores events", async () => {
  await using bench = await setup();
  await bench.runtime.publish(Asked, { n: 1 });
  await bench.saw(1);
  await bench.jsm.streams.delete("DEMO");
  await bench.runtime.publish(Asked, { n: 2 });
  await bench.saw(2);
  assert.deepEqual(bench.seen, [1, 2]);
});

Deno.test("[G7] Reconciler creates everything again after the server lost its store", async () => {
  await using bench = await setup();
  await bench.runtime.publish(Asked, { n: 1 });
  await bench.saw(1);
  await bench.server.stop(); // removes its temporary store
  await bench.server.restart();
  await bench.runtime.publish(Asked, { n: 2 });
  await bench.saw(2);
  assert.deepEqual(bench.seen, [1, 2]);
});
