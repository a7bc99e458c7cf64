import assert from "node:assert/strict";
import { defineEvent, defineFunction, RetryAfterError } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { eventually } from "../support/eventually.ts";
import { rightNow, setClock } from "../support/skewed_date.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({}) });
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({}) });

async function adminJson(runtime: TestRuntime, path: string) {
  return await (await fetch(runtime.adminUrl + path)).json();
}

for (const offByMs of [-60_000, 60_000, -3_600_000, 3_600_000]) {
  const off = `${Math.abs(offByMs) / 1_000} s ${offByMs < 0 ? "behind" : "ahead"}`;

  Deno.test(`startRuntime on a host whose clock is ${off} delays a retry for as long as the handler asks`, async () => {
    using _ = setClock(offByMs);
    let runs = 0;
    const patient = defineFunction({ on: Asked }, () => {
      runs++;
      throw new RetryAfterError("30s");
    });
    await using runtime = await startTestRuntime({ functions: { patient } });
    const beforeMs = rightNow();
    await runtime.publish(Asked, {});
    await eventually(async () => (await adminJson(runtime, "/retries")).length === 1);
    const [{ due }] = await adminJson(runtime, "/retries"), waitMs = Date.parse(due) - beforeMs;
    assert.ok(waitMs > 29_000 && waitMs < 60_000, `it is due ${waitMs} ms after it was published`);
    assert.equal(runs, 1);
  });

  Deno.test(`startRuntime on a host whose clock is ${off} judges maxAge by the server's time`, async () => {
    const runs: string[] = [];
    await using server = await startServer();
    const fresh = defineFunction({ on: Asked, maxAge: "30s" }, ({ id }) => void runs.push(id));
    const brief = defineFunction({ on: Asked, maxAge: "1ms" }, ({ id }) => void runs.push(id));
    const first = await startTestRuntime({ functions: { fresh, brief }, server });
    await first.stop();
    await using outside = await startTestRuntime({
      functions: { told: defineFunction({ on: Told }, () => {}) },
      schemas: [Asked],
      server,
    });
    await outside.publish(Asked, {}, { id: "one" });
    using _ = setClock(offByMs);
    await using runtime = await startTestRuntime({ functions: { fresh, brief }, server });
    await eventually(() => runs.length === 1);
    await eventually(async () => (await adminJson(runtime, "/dead-letters")).length === 1);
    const [{ function: name, reason, time }] = await adminJson(runtime, "/dead-letters");
    assert.deepEqual({ name, reason }, { name: "brief", reason: "expired" });
    assert.ok(Math.abs(Date.parse(time) - rightNow()) < 10_000, `the dead letter says ${time}`);
  });

  Deno.test(`GET /metrics on a host whose clock is ${off} tells by how much`, async () => {
    using _ = setClock(offByMs);
    await using runtime = await startTestRuntime({ functions: { told: defineFunction({ on: Told }, () => {}) } });
    const page = await (await fetch(`${runtime.adminUrl}/metrics`)).text();
    const ahead = Number(/^weir_nats_clock_ahead_seconds\S* (\S+)/m.exec(page)?.[1]);
    assert.ok(Math.abs(ahead + offByMs / 1_000) < 1, `it says ${ahead} s`);
  });
}

Deno.test("startRuntime on a host whose clock is set back by an hour closes a breaker, times out and counts as before", async () => {
  let works = false, hung = 0;
  const breaks = defineFunction(
    {
      on: Asked,
      breaker: { consecutiveFailures: 1, openFor: "1s" },
      retry: { attempts: 50, initial: "100ms", max: "200ms" },
    },
    () => {
      if (!works) throw new Error("down");
    },
  );
  const hangs = defineFunction(
    { on: Told, timeout: "1s", retry: { attempts: 1 } },
    () => new Promise(() => void hung++),
  );
  using _ = setClock(0);
  await using runtime = await startTestRuntime({ functions: { breaks, hangs } });
  const status = async (name: string) =>
    (await adminJson(runtime, "/functions")).find((one: { name: string }) => one.name === name);
  await runtime.publish(Asked, {});
  await runtime.publish(Told, {});
  await eventually(async () => hung === 1 && (await status("breaks")).breaker === "open");
  setClock(-3_600_000);
  works = true;
  await eventually(async () => (await status("breaks")).breaker === "closed");
  await eventually(async () => (await adminJson(runtime, "/dead-letters"))[0]?.function === "hangs");
});
