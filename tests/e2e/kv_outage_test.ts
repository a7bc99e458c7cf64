import assert from "node:assert/strict";
import { defineEvent, defineFunction, type Duration, type HandlerContext, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

/** Ways in which a handler uses a bucket. */
const uses: Record<string, (ctx: HandlerContext) => Promise<unknown>> = {
  gets: (ctx) => ctx.kv("orders").get("o1"),
  wraps: (ctx) =>
    ctx.kv("orders").put("o1", 1).catch((cause) => {
      throw new Error("could not save", { cause });
    }),
  races: (ctx) => Promise.any([ctx.kv("orders").get("o1"), ctx.kv("fresh").create("o1", 1)]),
  givesUp: (ctx) => {
    const deadline = AbortSignal.timeout(2_000), late = Promise.withResolvers<never>();
    deadline.onabort = () => late.reject(deadline.reason);
    return Promise.race([ctx.kv("orders").get("o1"), late.promise]);
  },
  calls: (ctx) => ctx.dependency("Orders").call(() => ctx.kv("orders").get("o1")),
};

Deno.test("[G17] ctx.kv uses up no attempt and trips no breaker while the server is away for nine seconds", async () => {
  await using server = await startServer();
  const goOn = Promise.withResolvers<void>(), waiting = new Set<string>();
  const breaker = { consecutiveFailures: 1, openFor: "1h" } as const;
  const define = (name: string, use: (ctx: HandlerContext) => unknown, attempts = 1, timeout: Duration = "30s") => {
    const options = { on: Asked, retry: { attempts, initial: "1ms", max: "1s" }, timeout, breaker } as const;
    return defineFunction({ ...options, dependencies: { Orders: breaker } }, async (_, ctx) => {
      if (ctx.attempt < attempts) throw new RetryAfterError("10ms");
      waiting.add(name);
      await goOn.promise;
      await use(ctx as HandlerContext);
    });
  };
  const functions = {
    ...Object.fromEntries(Object.entries(uses).map(([name, use]) => [name, define(name, use)])),
    second: define("second", uses.gets, 2), // its second attempt began in the record of its attempts
    short: define("short", uses.gets, 1, "4s"),
  };
  await using runtime = await startTestRuntime({ functions, server });
  await runtime.kv("orders").put("o1", 0);
  await runtime.publish(Asked, { n: 1 });
  await eventually(() => waiting.size === Object.keys(functions).length);
  const awayAtMs = performance.now();
  await server.kill();
  goOn.resolve();
  await eventually(() => performance.now() - awayAtMs > 9_000);
  await server.restart();
  const ended = (kind: string) => runtime.settled.filter(({ outcome }) => outcome.kind === kind);
  await eventually(() => ended("ack").length + ended("dead-letter").length === Object.keys(functions).length);
  assert.deepEqual(ended("dead-letter"), []);
  const deferred = ended("retry").flatMap(({ function: name, outcome }) =>
    outcome.kind === "retry" && outcome.reason !== "retry-after" ? [{ name, ...outcome }] : []
  );
  for (const { name, reason, usesAttempt, error } of deferred) {
    assert.deepEqual([name, reason, usesAttempt], [name, "state-unavailable", false]);
    const late = `short took longer than its timeout of 4s, and kv bucket "orders", key "o1" does not answer`;
    if (name === "short") assert.equal(error?.message, late);
    else if (error?.name === "TimeoutError") {
      assert.match(error.message, /, and kv bucket "orders", key "o1" does not ans/);
    } else assert.match(error!.message, /kv bucket "(orders|fresh)", key "o1": NATS does not answer: /);
  }
  assert.deepEqual(new Set(deferred.map(({ name }) => name)), new Set(Object.keys(functions)));
});
