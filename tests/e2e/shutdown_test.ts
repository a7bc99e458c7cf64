import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });
const Answered = defineEvent({ type: "demo.answered", version: 1, data: z.object({ n: z.int() }) });

Deno.test("shutdown lets a running handler finish, and acks its event", async () => {
  await using server = await startServer();
  const running = Promise.withResolvers<void>(), goOn = Promise.withResolvers<void>();
  let runs = 0;
  const slow = defineFunction({ on: Asked, emits: [Answered] }, async ({ data }, ctx) => {
    runs++;
    running.resolve();
    await goOn.promise;
    ctx.emit(Answered, data);
  });
  const first = await startTestRuntime({ functions: { slow }, server });
  await first.publish(Asked, { n: 1 });
  await running.promise;
  const stopped = first.stop();
  goOn.resolve();
  await stopped;

  await using second = await startTestRuntime({ functions: { slow }, server });
  assert.deepEqual((await second.waitForEvent(Answered)).data, { n: 1 });
  const [{ pending, ackPending }] = await (await fetch(`${second.adminUrl}/functions`)).json();
  assert.deepEqual({ runs, pending, ackPending }, { runs: 1, pending: 0, ackPending: 0 });
});

Deno.test("[G17] SHUTDOWN_GRACE ends a handler, gives its event back and uses up no attempt", async () => {
  await using server = await startServer();
  const attempts: number[] = [], reasons: string[] = [];
  let running = Promise.withResolvers<void>();
  const endless = defineFunction({ on: Asked, retry: { attempts: 2 } }, async (_event, { attempt, signal }) => {
    attempts.push(attempt);
    running.resolve();
    await new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason.name);
        resolve();
      })
    );
  });
  // More shutdowns than attempts: if they were counted, the event would end as a dead letter.
  for (let life = 1; life <= 4; life++) {
    running = Promise.withResolvers();
    const runtime = await startTestRuntime({ functions: { endless }, server, env: { SHUTDOWN_GRACE: "20ms" } });
    if (life === 1) await runtime.publish(Asked, { n: 1 });
    await running.promise;
    await runtime.stop();
  }
  assert.deepEqual(attempts, [1, 1, 1, 1]);
  assert.deepEqual(reasons, ["AbortError", "AbortError", "AbortError", "AbortError"]);
});

Deno.test("shutdown answers 503 on /health, and refuses connections once it is done", async () => {
  const running = Promise.withResolvers<void>(), goOn = Promise.withResolvers<void>();
  const slow = defineFunction({ on: Asked }, async () => {
    running.resolve();
    await goOn.promise;
  });
  const runtime = await startTestRuntime({ functions: { slow } });
  await runtime.publish(Asked, { n: 1 });
  await running.promise;
  const stopped = runtime.stop();
  const health = await fetch(`${runtime.adminUrl}/health`);
  assert.equal(health.status, 503);
  const { status, checks } = await health.json();
  assert.deepEqual([status, checks.runtime], ["Unhealthy", { status: "Unhealthy", error: "shutting down" }]);
  goOn.resolve();
  await stopped;
  await assert.rejects(fetch(`${runtime.adminUrl}/health`), TypeError);
  await assert.rejects(fetch(`${runtime.url}/health`), TypeError);
});

Deno.test("replicas share the events of a function, and handle none twice", async () => {
  await using server = await startServer();
  const seen: Record<"a" | "b", number[]> = { a: [], b: [] };
  const all = Promise.withResolvers<void>();
  const replica = (name: "a" | "b") => {
    const shared = defineFunction({ on: Asked, concurrency: 4 }, async ({ data }) => {
      seen[name].push(data.n);
      if (seen.a.length + seen.b.length === 200) all.resolve();
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    return startTestRuntime({ functions: { shared }, server });
  };
  const runtimes = await Promise.all([replica("a"), replica("b")]);
  for (let n = 0; n < 200; n++) await runtimes[0].publish(Asked, { n });
  await all.promise;
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  assert.deepEqual([...seen.a, ...seen.b].toSorted((x, y) => x - y), Array.from({ length: 200 }, (_, n) => n));
  assert.ok(seen.a.length > 0 && seen.b.length > 0, `${seen.a.length} and ${seen.b.length}`);
});
