import assert from "node:assert/strict";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { defineHealthCheck, type HealthCheckDefinition } from "../../runtime/api/define_health_check.ts";
import { defineFunction } from "../../runtime/api/define_function.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { startRuntime } from "../../runtime/app/runtime.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";

/** Returns the response of `/health` for a runtime with this health check. */
async function healthWith(check: HealthCheckDefinition) {
  await using server = await startServer();
  const variables: Record<string, string> = { NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" };
  const config = readConfig({ get: (name) => variables[name], readFile: () => "" });
  const handle = defineFunction({ on: "legacy.>" }, () => {});
  const registry = buildRegistry([], [{ file: "functions/handle.ts", exports: { default: handle, check } }]);
  const log = new Logger({ level: "error", format: "json", write: () => {} });
  const runtime = await startRuntime(config, registry, log);
  try {
    const response = await fetch(`${runtime.url}/health`);
    return { status: response.status, body: await response.json() };
  } finally {
    await runtime.stop();
  }
}

Deno.test("GET /health answers 503 when a health check of the project throws", async () => {
  const check = defineHealthCheck({ name: "payments" }, () => {
    throw new Error("payments answered 500");
  });
  assert.deepEqual(await healthWith(check), {
    status: 503,
    body: {
      status: "Unhealthy",
      checks: {
        runtime: { status: "OK" },
        nats: { status: "OK" },
        ingress: { status: "OK" },
        "function:handle": { status: "OK" },
        payments: { status: "Unhealthy", error: "payments answered 500" },
      },
    },
  });
});

Deno.test("GET /health passes a health check of the project whatever it returns", async () => {
  const { status, body } = await healthWith(defineHealthCheck({ name: "payments" }, () => "pong"));
  assert.deepEqual([status, body.checks.payments], [200, { status: "OK" }]);
});
