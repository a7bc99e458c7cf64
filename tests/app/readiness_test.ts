import assert from "node:assert/strict";
import { buildRegistry } from "../../runtime/project/registry.ts";
import { defineHealthCheck, type HealthCheckDefinition } from "../../runtime/api/define_health_check.ts";
import { defineFunction } from "../../runtime/api/define_function.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { startRuntime } from "../../runtime/app/runtime.ts";
import { Logger } from "../../runtime/telemetry/otel/logs/logger.ts";
import { redactor, secretsOf } from "../../runtime/telemetry/otel/logs/redact.ts";

/** Returns the response of `/health` for a runtime with this health check. */
async function healthWith(check: HealthCheckDefinition, env: Record<string, string> = {}) {
  await using server = await startServer();
  const variables: Record<string, string> = {
    ...{ NATS_URL: server.url, HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" },
    ...env,
  };
  const config = readConfig({ get: (name) => variables[name], readFile: () => "" });
  const handle = defineFunction({ on: "legacy.>" }, () => {});
  const other = defineFunction({ on: "other.>" }, () => {});
  const registry = buildRegistry([], [
    { file: "functions/handle.ts", exports: { default: handle, check } },
    { file: "functions/other.ts", exports: { default: other } },
  ]);
  const log = new Logger({ level: "error", format: "json", redact: redactor(secretsOf(env)), write: () => {} });
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
        "function:other": { status: "OK" },
        payments: { status: "Unhealthy", error: "payments answered 500" },
      },
    },
  });
});

Deno.test("GET /health passes a health check of the project whatever it returns", async () => {
  const { status, body } = await healthWith(defineHealthCheck({ name: "payments" }, () => "pong"));
  assert.deepEqual([status, body.checks.payments], [200, { status: "OK" }]);
});

Deno.test("GET /health shows no secret of the environment, which the error of a check may quote", async () => {
  const url = "postgres://shop:hunter22@db/orders";
  const check = defineHealthCheck({ name: "database" }, () => {
    throw new Error(`cannot reach ${url}`);
  });
  const { status, body } = await healthWith(check, { DATABASE_URL: url });
  assert.equal(status, 503);
  assert.match(body.checks.database.error, /^cannot reach postgres:/);
  assert.doesNotMatch(JSON.stringify(body), /hunter22/);
});

const failing = defineHealthCheck({ name: "database" }, () => {
  throw new Error("refused");
});
const processes: [what: string, env: Record<string, string>, status: number][] = [
  ["without functions", { WEIR_ROLES: "ingress" }, 200],
  ["with other functions", { WEIR_FUNCTIONS: "other" }, 200],
  ["with its function", { WEIR_FUNCTIONS: "handle" }, 503],
];
for (const [what, env, expected] of processes) {
  Deno.test(`GET /health of a process ${what} answers ${expected} when the health check of a function fails`, async () => {
    const { status, body } = await healthWith(failing, env);
    assert.deepEqual([status, "database" in body.checks], [expected, expected === 503]);
  });
}
