import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({ n: z.int() }) });

Deno.test("concurrency with a target raises the handlers that run at once, and lowers them for timeouts", async () => {
  let calls = 0, running = 0, most = 0, isDown = false;
  const adaptive = defineFunction({
    on: Asked,
    concurrency: { min: 2, max: 6, target: "9s" },
    timeout: "10s",
    retry: { attempts: 100, initial: "10ms", max: "10ms" },
    breaker: { consecutiveFailures: 1_000_000 },
    dependencies: { Service: { consecutiveFailures: 1_000_000 } },
  }, async (_event, ctx) => {
    calls++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running--;
    if (isDown) await ctx.dependency("Service").call(() => Promise.reject(new Error("too busy")));
  });
  await using weir = await startTestRuntime({ functions: { adaptive } });
  const status = async () => (await (await fetch(`${weir.adminUrl}/functions`)).json())[0];
  assert.deepEqual([(await status()).limit, (await status()).concurrency], [2, 6]);
  const feeding = new AbortController();
  const fed = (async () => {
    for (let n = 0; !feeding.signal.aborted; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => weir.publish(Asked, { n: n + i })));
      await eventually(() => calls > n - 20 || feeding.signal.aborted);
    }
  })();
  await eventually(async () => (await status()).limit === 6);
  await eventually(() => most === 6);
  const page = await (await fetch(`${weir.adminUrl}/metrics`)).text();
  assert.equal(valueOf(page, "weir_function_limit", { function: "adaptive" }), 6);
  assert.equal(valueOf(page, "weir_function_concurrency", { function: "adaptive" }), 6);
  isDown = true;
  await eventually(async () => (await status()).limit === 2);
  isDown = false;
  feeding.abort();
  await fed;
  assert.ok(most <= 6, String(most));
});
