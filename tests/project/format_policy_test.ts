import assert from "node:assert/strict";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { formatPolicy, type FormattedPolicy, policyValues } from "../../runtime/project/format_policy.ts";
import type { FunctionOptions } from "../../runtime/api/define_function.ts";
import { POLICY } from "../support/default_policy.ts";

function written(options: Omit<FunctionOptions, "on">): FormattedPolicy {
  const resolved = resolvePolicy({ on: "orders.created", ...options });
  if (!resolved.ok) throw new Error(resolved.problems.join("; "));
  return formatPolicy(resolved.policy);
}
const chosen = (policy: FormattedPolicy) =>
  policyValues(policy).filter(({ isDefault }) => !isDefault).map(({ path, value }) => `${path} ${value}`);

Deno.test("formatPolicy writes the defaults in the words of the options", () => {
  assert.deepEqual(written({}), POLICY);
  assert.deepEqual(chosen(written({})), []);
  assert.deepEqual(policyValues(POLICY).map(({ path, value }) => `${path} ${value}`), [
    "retry.attempts 5",
    "retry.initial 250ms",
    "retry.max 1m",
    "retry.factor 2",
    "retry.jitter full",
    "timeout 20s",
    "concurrency 16",
    "maxHops 50",
    "from all",
    "maxAge none",
    "idempotency none",
    "breaker.consecutiveFailures 10",
    "breaker.interval 1m",
    "breaker.openFor 30s",
    "breaker.halfOpenProbes 1",
  ]);
});

Deno.test("policyValues of a function with batches has their bounds, and counts the concurrency in batches", () => {
  assert.deepEqual(chosen(written({ batch: { size: 50 } })), ["batch.size 50"]);
  const policy = written({ batch: { size: 50, maxWait: "5s", maxBytes: 1_000 }, concurrency: 2 });
  const values = ["concurrency 2", "batch.size 50", "batch.maxWait 5s", "batch.maxBytes 1000"];
  assert.deepEqual(chosen(policy), values);
});

Deno.test("policyValues has the parts of a concurrency that is shared by keys, or adaptive", () => {
  const shared = written({ concurrency: { perKey: 2, by: () => "k" } });
  assert.deepEqual(chosen(shared), ["concurrency.limit 16", "concurrency.perKey 2", "concurrency.by its own"]);
  const adaptive = written({ concurrency: { max: 64, target: 200 } });
  assert.deepEqual(chosen(adaptive), ["concurrency.min 1", "concurrency.max 64", "concurrency.target 200ms"]);
});

Deno.test("policyValues marks the values that differ from the defaults", () => {
  const policy = written({
    retry: { attempts: 3, jitter: "none" },
    timeout: 90_000,
    from: { since: "1h" },
    decode: "bytes",
    where: () => true,
    debounce: { quiet: "10s", max: "1m", by: () => "k" },
    rate: { limit: 100, per: "1s", by: () => "k" },
    maxAge: "2d",
    idempotency: true,
    breaker: { openFor: "1m", shared: true },
    dependencies: { PaymentService: { consecutiveFailures: 3 } },
  });
  assert.deepEqual(chosen(policy), [
    "decode bytes",
    "where its own",
    "retry.attempts 3",
    "retry.jitter none",
    "timeout 90s",
    "from.since 1h",
    "debounce.quiet 10s",
    "debounce.max 1m",
    "debounce.by its own",
    "rate.limit 100",
    "rate.per 1s",
    "rate.by its own",
    "maxAge 2d",
    "breaker.openFor 1m",
    "breaker.shared true",
    "dependencies.PaymentService.consecutiveFailures 3",
  ]);
  assert.deepEqual(policy.idempotency, { ttl: "7d", key: "source and id" });
});

Deno.test("resolvePolicy reverses formatPolicy", () => {
  const { maxAge, idempotency, concurrency, where: _where, order: _order, rate: _rate, debounce: _debounce, ...rest } =
    written({
      maxAge: "36h",
      idempotency: { ttl: 1_500 },
      timeout: "1.5s",
      concurrency: { min: 2, max: 8, target: "200ms" },
    });
  assert.deepEqual(
    written({
      ...rest,
      maxAge: maxAge!,
      idempotency: { ttl: idempotency!.ttl },
      concurrency: concurrency as { min: number; max: number; target: "200ms" },
    }),
    { ...rest, maxAge, idempotency, concurrency },
  );
});

Deno.test("formatPolicy writes an own key, and a dependency that is called but not configured", () => {
  const resolved = resolvePolicy({ on: "orders.created", idempotency: { key: () => "k", ttl: "1h" } });
  if (!resolved.ok) throw new Error("it is right");
  const policy = formatPolicy(resolved.policy, { Mail: resolved.policy.breaker });
  assert.deepEqual(policy.idempotency, { ttl: "1h", key: "its own" });
  assert.deepEqual(policy.dependencies, { Mail: POLICY.breaker });
  assert.deepEqual(chosen(policy), ["idempotency.ttl 1h", "idempotency.key its own"]);
});
