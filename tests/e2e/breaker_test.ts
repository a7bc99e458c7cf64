import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { defineEvent, defineFunction, DependencyOpenError, type HandlerContext } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Answered = defineEvent({ type: "demo.answered", version: 1, data: z.object({ n: z.int() }) });
const EVENTS = 30;

async function publishAll(runtime: TestRuntime): Promise<void> {
  for (let n = 0; n < EVENTS; n++) await runtime.publish(Asked, { n });
}

async function allAnswered(runtime: TestRuntime): Promise<void> {
  for (let n = 0; n < EVENTS; n++) await runtime.waitForEvent(Answered, (data) => data.n === n);
}

Deno.test("[G17] ctx.dependency uses up no attempt of an event while its breaker is open or a probe fails", async () => {
  const up = Promise.withResolvers<void>();
  let down = true, probes = 0, refused = 0;
  const attempts: number[] = [];
  const calling = defineFunction({
    on: Asked,
    emits: [Answered],
    concurrency: 4,
    retry: { attempts: 3, initial: "5ms", max: "10ms" },
    dependencies: { Backend: { consecutiveFailures: 2, openFor: "50ms" } },
  }, async ({ data }, ctx) => {
    try {
      await ctx.dependency("Backend").call(() => {
        if (!down) return;
        if (++probes === 25) up.resolve();
        throw new Error("down");
      });
    } catch (error) {
      if (error instanceof DependencyOpenError) refused++;
      throw error;
    }
    attempts.push(ctx.attempt);
    ctx.emit(Answered, data);
  });
  await using runtime = await startTestRuntime({ functions: { calling } });
  await publishAll(runtime);
  await up.promise;
  down = false;
  await allAnswered(runtime);
  assert.equal(attempts.length, EVENTS);
  assert.ok(Math.max(...attempts) <= 3);
  // Four calls were in flight when the breaker opened. After that it admitted one probe at a time.
  assert.ok(probes >= 25 && probes <= 30, `${probes} calls were made while it was down`);
  assert.ok(refused <= 4, `${refused} events were pulled only to be refused`);
});

Deno.test("[G17] ctx.dependency uses up no attempt of an event that probes throughout a long outage", async () => {
  let calls = 0;
  const calling = defineFunction({
    on: Asked,
    emits: [Answered],
    retry: { attempts: 2, initial: "1ms", max: "1ms" },
    dependencies: { Backend: { consecutiveFailures: 1, openFor: "1ms" } },
  }, async ({ data }, ctx) => {
    await ctx.dependency("Backend").call(() => {
      if (++calls <= 150) throw new Error("down");
    });
    ctx.emit(Answered, data);
  });
  await using runtime = await startTestRuntime({ functions: { calling } });
  await runtime.publish(Asked, { n: 1 });
  await eventually(() => calls > 150); // `waitForEvent` waits for 10 s
  await runtime.waitForEvent(Answered, (data) => data.n === 1);
  assert.equal(calls, 151);
});

Deno.test("function breaker stops pulling while it is open", async () => {
  let broken = true, calls = 0;
  const opened = Promise.withResolvers<void>();
  const failing = defineFunction({
    on: Asked,
    emits: [Answered],
    concurrency: 2,
    retry: { attempts: 50, initial: "1ms", max: "1ms" },
    breaker: { consecutiveFailures: 3, openFor: "400ms", halfOpenProbes: 1 },
  }, ({ data }, ctx) => {
    if (broken) {
      if (++calls === 3) opened.resolve();
      throw new Error("broken");
    }
    ctx.emit(Answered, data);
  });
  await using runtime = await startTestRuntime({ functions: { failing } });
  await publishAll(runtime);
  await opened.promise;
  const [status] = await (await fetch(`${runtime.adminUrl}/functions`)).json();
  assert.equal(status.breaker, "open");
  assert.ok(status.pending >= EVENTS - 8, `${status.pending} events still wait in the stream`);
  assert.ok(calls <= 4, `${calls} calls before it opened`);
  broken = false;
  await allAnswered(runtime);
});

Deno.test("function breaker admits `halfOpenProbes` events when half-open, and closes when they succeed", async () => {
  let broken = true, running = 0;
  const opened = Promise.withResolvers<void>(),
    probed = Promise.withResolvers<void>(),
    goOn = Promise.withResolvers<void>();
  const probing = defineFunction({
    on: Asked,
    emits: [Answered],
    concurrency: 8,
    retry: { attempts: 50, initial: "1ms", max: "1ms" },
    breaker: { consecutiveFailures: 4, openFor: "200ms", halfOpenProbes: 3 },
  }, async ({ data }, ctx) => {
    if (broken) {
      opened.resolve();
      throw new Error("broken");
    }
    if (++running === 3) probed.resolve();
    await goOn.promise;
    ctx.emit(Answered, data);
  });
  await using runtime = await startTestRuntime({ functions: { probing } });
  await publishAll(runtime);
  await opened.promise;
  broken = false;
  await probed.promise;
  const [status] = await (await fetch(`${runtime.adminUrl}/functions`)).json();
  assert.equal(status.breaker, "half-open");
  assert.equal(running, 3);
  goOn.resolve();
  await allAnswered(runtime);
});

Deno.test("dependency breaker that one function opened stops an idle function from pulling", async () => {
  const Other = defineEvent({ type: "other.asked", version: 1, data: z.object({ n: z.int() }) });
  const dependencies = { Backend: { consecutiveFailures: 1, openFor: "1h" } } as const;
  const calling = (calls: { count: number }) => async (_event: unknown, ctx: HandlerContext) => {
    calls.count++;
    await ctx.dependency("Backend").call(() => Promise.reject(new Error("down")));
  };
  const first = { count: 0 }, second = { count: 0 };
  const busy = defineFunction({ on: Asked, dependencies }, calling(first));
  const idle = defineFunction({ on: Other, dependencies }, calling(second));
  await using runtime = await startTestRuntime({ functions: { busy, idle } });
  await runtime.publish(Asked, { n: 1 });
  const of = async (name: string) => {
    const functions = await (await fetch(`${runtime.adminUrl}/functions`)).json();
    return functions.find((one: { name: string }) => one.name === name);
  };
  await eventually(async () => (await of("busy")).dependencies.Backend === "open");
  const nc = await connect({ servers: runtime.server.url });
  const jsm = await jetstreamManager(nc);
  await eventually(async () => (await jsm.consumers.info("OTHER", "idle")).num_waiting === 0); // its pull request has ended
  await nc.close();
  await runtime.publish(Other, { n: 1 });
  const { pending, ackPending } = await of("idle");
  assert.deepEqual({ pending, ackPending, calls: second.count }, { pending: 1, ackPending: 0, calls: 0 });
});
