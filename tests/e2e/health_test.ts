import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { valueOf } from "../support/metrics_page.ts";

const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({}), ingress: {} });
const idle = defineFunction({ on: Asked }, () => {});

async function ready({ adminUrl }: TestRuntime) {
  const response = await fetch(`${adminUrl}/health/ready`);
  return { status: response.status, body: await response.json() };
}

/** Resolves once `GET /health/ready` answers with that status. */
async function until(runtime: TestRuntime, status: number): Promise<void> {
  await eventually(async () => (await ready(runtime)).status === status);
}

Deno.test("GET /health/ready answers 503 while the server hangs, without any traffic", async () => {
  await using runtime = await startTestRuntime({ functions: { idle } });
  assert.equal((await ready(runtime)).status, 200);
  Deno.kill(runtime.server.pid, "SIGSTOP");
  try {
    await until(runtime, 503);
    const { body: { checks } } = await eventually(async () => {
      const answer = await ready(runtime);
      const { nats, ["function:idle"]: idle } = answer.body.checks;
      return nats.error && idle.error ? answer : undefined;
    });
    assert.match(checks.nats.error, /has not answered for \d+ s$/);
    assert.match(checks["function:idle"].error, /no heartbeat from the consumer on DEMO/);
    const page = await (await fetch(`${runtime.adminUrl}/metrics`)).text();
    assert.equal(valueOf(page, "weir_function_pulling", { function: "idle" }), 0);
    assert.equal(valueOf(page, "weir_nats_connected"), 0);
    const live = await fetch(`${runtime.adminUrl}/health/live`);
    assert.deepEqual([live.status, (await live.json()).status], [200, "OK"]);
  } finally {
    Deno.kill(runtime.server.pid, "SIGCONT");
  }
  await until(runtime, 200);
});

Deno.test("GET /health/ready answers 503 while the server hangs, with the role ingress alone", async () => {
  await using runtime = await startTestRuntime({ functions: { idle }, env: { WEIR_ROLES: "ingress" } });
  assert.equal((await ready(runtime)).status, 200);
  Deno.kill(runtime.server.pid, "SIGSTOP");
  try {
    await until(runtime, 503);
  } finally {
    Deno.kill(runtime.server.pid, "SIGCONT");
  }
  await until(runtime, 200);
});

Deno.test("GET /health/ready answers 503 once the server is down, and 200 once it is back", async () => {
  await using runtime = await startTestRuntime({ functions: { idle } });
  await runtime.server.kill();
  const { body } = await eventually(async () => {
    const answer = await ready(runtime);
    return answer.status === 503 ? answer : undefined;
  });
  assert.match(body.checks.nats.error, /^disconnected from 127\.0\.0\.1:/);
  await runtime.server.restart();
  await until(runtime, 200);
});

Deno.test("GET /health/ready reports an open breaker as degraded, and answers 200", async () => {
  const failing = defineFunction({
    on: Asked,
    breaker: { consecutiveFailures: 1, openFor: "1h" },
  }, () => {
    throw new Error("down");
  });
  await using runtime = await startTestRuntime({ functions: { failing } });
  assert.equal((await ready(runtime)).body.degraded, undefined);
  await runtime.publish(Asked, {});
  const { status, body } = await eventually(async () => {
    const answer = await ready(runtime);
    return answer.body.degraded ? answer : undefined;
  });
  assert.equal(status, 200);
  assert.equal(body.status, "OK");
  assert.deepEqual(body.degraded, { "breaker of function failing": "open" });
});
