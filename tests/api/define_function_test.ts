import assert from "node:assert/strict";
import { defineFunction, FUNCTION_DEFAULTS } from "weir";
import { readConfig } from "../../runtime/app/config.ts";
import { parseDuration } from "../../runtime/core/duration.ts";
import { HEALTH_CHECK_TIMEOUT } from "../../runtime/api/define_health_check.ts";
import { DEFAULT_BREAKER } from "../../runtime/project/failure_policy.ts";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";

Deno.test("FUNCTION_DEFAULTS are pinned: a change of one changes every project", () => {
  assert.deepEqual(FUNCTION_DEFAULTS, {
    retry: { attempts: 5, initial: "250ms", max: "1m", factor: 2, jitter: "full" },
    timeout: "20s",
    concurrency: 16,
    order: { onFailure: "block" },
    batch: { maxWait: "1s", maxBytes: 4_194_304, concurrency: 1 },
    maxHops: 50,
    from: "all",
    idempotency: { ttl: "7d" },
    breaker: { consecutiveFailures: 10, interval: "1m", openFor: "30s", halfOpenProbes: 1, shared: false },
  });
});

Deno.test("FUNCTION_DEFAULTS have a timeout below the default SHUTDOWN_GRACE: a handler can finish at a shutdown", () => {
  const { SHUTDOWN_GRACE } = readConfig({ get: () => undefined, readFile: () => assert.fail() });
  assert.ok(parseDuration(FUNCTION_DEFAULTS.timeout)! < SHUTDOWN_GRACE);
});

Deno.test("resolvePolicy of a function without options has every default, and no age limit", () => {
  const resolved = resolvePolicy({ on: "orders.>", emits: [] });
  assert.ok(resolved.ok);
  assert.deepEqual(resolved.policy, {
    retry: { attempts: 5, initialMs: 250, maxMs: 60_000, factor: 2, jitter: "full" },
    timeoutMs: 20_000,
    concurrency: 16,
    maxHops: 50,
    from: "all",
    maxAgeMs: undefined,
    idempotency: undefined,
    breaker: { consecutiveFailures: 10, intervalMs: 60_000, openForMs: 30_000, halfOpenProbes: 1 },
    dependencies: {},
  });
});

Deno.test("DEFAULT_BREAKER equals the default breaker of a function", () => {
  assert.deepEqual(DEFAULT_BREAKER, {
    consecutiveFailures: 10,
    intervalMs: 60_000,
    openForMs: 30_000,
    halfOpenProbes: 1,
  });
});

Deno.test("HEALTH_CHECK_TIMEOUT is two seconds", () => assert.equal(HEALTH_CHECK_TIMEOUT, "2s"));

Deno.test("defineFunction keeps options and handler as they are", () => {
  const options = { on: "orders.>", timeout: "5s" } as const, handler = () => {};
  const definition = defineFunction(options, handler);
  assert.equal(definition.kind, "function");
  assert.equal(definition.options, options);
  assert.equal(definition.handler, handler);
});
