import assert from "node:assert/strict";
import type { Problem } from "../../runtime/http/problem.ts";
import { type Check, type Health, healthRoutes, runChecks } from "../../runtime/http/health.ts";
import { router } from "../../runtime/http/router.ts";
import { redactor } from "../../runtime/telemetry/otel/logs/redact.ts";
import { request } from "../support/ingress.ts";

function check(name: string, run: Check["run"], timeoutMs = 10_000): Check {
  return { name, timeoutMs, run };
}

const send = (health: Health, path: string, init?: RequestInit) =>
  request(router(healthRoutes(health), { problemOf: (error) => error as Problem }), path, init);
const get = (checks: Check[], path: string) => send({ checks }, path);

for (const path of ["/health", "/health/ready"]) {
  Deno.test(`GET ${path} answers 200 while every check passes`, async () => {
    const response = await get([check("nats", () => undefined), check("disk", () => Promise.resolve())], path);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(await response.json(), {
      status: "OK",
      checks: { nats: { status: "OK" }, disk: { status: "OK" } },
    });
  });

  Deno.test(`GET ${path} answers 503 when a check fails, and says which and why`, async () => {
    const response = await get([check("nats", () => "disconnected"), check("disk", () => undefined)], path);
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), {
      status: "Unhealthy",
      checks: { nats: { status: "Unhealthy", error: "disconnected" }, disk: { status: "OK" } },
    });
  });
}

Deno.test("GET /health removes secrets from the errors of checks, before it shortens them", async () => {
  const redact = redactor(["hunter2-hunter2"]), long = `${"x".repeat(990)} hunter2-hunter2`;
  const thrown = check("db", () => Promise.reject(new Error("connect postgres://app:hunter2-hunter2@db/shop failed")));
  const response = await send({ checks: [thrown, check("cache", () => long)], redact }, "/health");
  const { checks } = await response.json();
  assert.equal(checks.db.error, "connect postgres://app:[redacted]@db/shop failed");
  assert.doesNotMatch(checks.cache.error, /hunter/);
});

Deno.test("GET /health/ready answers 200 with what is degraded", async () => {
  const degraded = { "breaker of dependency PaymentService": "open" };
  const response = await send({ checks: [], degraded: () => degraded }, "/health/ready");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "OK", checks: {}, degraded: degraded });
});

Deno.test("POST /health answers 405 with Allow: GET, HEAD", async () => {
  const response = await send({ checks: [] }, "/health", { method: "POST" });
  assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
});

Deno.test("GET /health/live runs only the event-loop check", async () => {
  let runs = 0;
  const response = await get([check("nats", () => `run ${++runs}`)], "/health/live");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "OK", checks: { event_loop: { status: "OK" } } });
  assert.equal(runs, 0);
});

Deno.test("runChecks returns OK without checks", async () => {
  assert.deepEqual(await runChecks({ checks: [] }), { status: "OK", checks: {} });
});

for (
  const [what, run, error] of [
    ["throws", () => {
      throw new Error("no disk");
    }, "no disk"],
    ["rejects", () => Promise.reject(new Error("no disk")), "no disk"],
    ["rejects with something else", () => Promise.reject("no disk"), "no disk"],
    ["returns a reason", () => Promise.resolve("no disk"), "no disk"],
  ] as const
) {
  Deno.test(`runChecks reports the reason of a check that ${what}`, async () => {
    assert.deepEqual(await runChecks({ checks: [check("disk", run)] }), {
      status: "Unhealthy",
      checks: { disk: { status: "Unhealthy", error } },
    });
  });
}

Deno.test("runChecks fails a check that exceeds its timeout, and aborts its signal", async () => {
  const stopped = Promise.withResolvers<void>();
  const hanging = check("payments", (signal) => {
    signal.addEventListener("abort", () => stopped.resolve());
    return new Promise(() => {});
  }, 20);
  assert.deepEqual(await runChecks({ checks: [hanging] }), {
    status: "Unhealthy",
    checks: { payments: { status: "Unhealthy", error: "no answer within 20ms" } },
  });
  await stopped.promise;
});

Deno.test("runChecks ignores a check that fails after its timeout", async () => {
  const late = Promise.withResolvers<void>();
  const { status } = await runChecks({ checks: [check("payments", () => late.promise, 1)] });
  assert.equal(status, "Unhealthy");
  late.reject(new Error("too late"));
});

Deno.test("runChecks runs checks concurrently", async () => {
  const both = Promise.withResolvers<void>();
  let running = 0;
  const meet = () => {
    if (++running === 2) both.resolve();
    return both.promise;
  };
  assert.equal((await runChecks({ checks: [check("a", meet), check("b", meet)] })).status, "OK");
});

Deno.test("GET /health runs each check once for requests that come at once", async () => {
  let runs = 0;
  const database = check("database", () => new Promise<void>((resolve) => setTimeout(resolve, ++runs)));
  const handler = router(healthRoutes({ checks: [database] }), { problemOf: (error) => error as Problem });
  const paths = Array.from({ length: 100 }, (_, i) => i % 2 === 0 ? "/health" : "/health/ready");
  const answers = await Promise.all(paths.map((path) => request(handler, path)));
  assert.deepEqual([runs, new Set(answers.map(({ status }) => status))], [1, new Set([200])]);
  await request(handler, "/health");
  assert.equal(runs, 2);
});

Deno.test("runChecks cuts the error of a check, bounded answers", async () => {
  const run = () => Promise.reject(new Error("no ".repeat(1_000_000)));
  const { checks: { disk } } = await runChecks({ checks: [check("disk", run)] });
  assert.match(disk.error!, /^(no )+.*… \(\d+ more characters\)$/);
  assert.ok(disk.error!.length < 1_100);
});
