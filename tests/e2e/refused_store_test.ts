import assert from "node:assert/strict";
import { jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { defineEvent, defineFunction, NonRetryableError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Told = defineEvent({ type: "told.it", version: 1, data: z.object({ n: z.int() }) });

/** Starts functions on a server of their own, whose streams the test changes as an operator would. */
async function startChanged(functions: Parameters<typeof startTestRuntime>[0]["functions"]) {
  await using started = new AsyncDisposableStack();
  const server = started.use(await startServer());
  const runtime = started.use(await startTestRuntime({ functions, server }));
  const nc = await connect({ servers: server.url });
  started.defer(() => nc.close());
  const { streams } = await jetstreamManager(nc);
  const change = (stream: string, config: Partial<StreamConfig>) => streams.update(stream, config);
  const health = async () => await (await fetch(`${runtime.adminUrl}/health`)).json();
  const stack = started.move();
  return { runtime, change, health, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("GET /health is degraded while a dead letter cannot be stored, and the event waits", async () => {
  const refuse = defineFunction({ on: Asked }, () => Promise.reject(new NonRetryableError("no")));
  await using app = await startChanged({ refuse });
  await app.change("DEAD_LETTERS", { max_msg_size: 100 });
  await app.runtime.publish(Asked, { n: 1 });
  const { status, degraded } = await eventually(async () => {
    const health = await app.health();
    return health.degraded ? health : undefined;
  });
  assert.equal(status, "OK");
  assert.match(
    degraded["settling of refuse"],
    /^a dead letter cannot be stored: the event is held .*: a message for .* is larger than stream DEAD_LETTERS takes/,
  );
  await app.change("DEAD_LETTERS", { max_msg_size: -1 });
  await app.runtime.waitForDeadLetter("refuse");
  await eventually(async () => (await app.health()).degraded === undefined);
  assert.deepEqual(app.runtime.settled.map(({ outcome }) => outcome.kind), ["dead-letter"]);
});

Deno.test("[G17] a stream that is sealed uses up no attempt of what emits into it", async () => {
  const tell = defineFunction({ on: Asked, emits: [Told], retry: { attempts: 1, initial: "1ms" } }, ({ data }, ctx) => {
    ctx.emit(Told, data);
  });
  await using app = await startChanged({ tell });
  await app.change("TOLD", { sealed: true } as Partial<StreamConfig>);
  await app.runtime.publish(Asked, { n: 1 });
  const { outcome } = await eventually(() => app.runtime.settled[0]);
  assert.ok(outcome.kind === "retry");
  assert.deepEqual([outcome.reason, outcome.usesAttempt], ["emit-failed", false]);
  assert.match(outcome.error!.message, /^stream TOLD is sealed and takes no "told\.it": a sealed stream cannot/);
});
