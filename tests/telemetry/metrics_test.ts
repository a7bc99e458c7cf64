import assert from "node:assert/strict";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { withTimeout } from "../../runtime/nats/client/with_timeout.ts";
import { INSTRUMENTS } from "../../runtime/telemetry/instruments.ts";
import { Metrics, setupMetrics } from "../../runtime/telemetry/metrics.ts";
import { type Instrument, prometheusName } from "../../runtime/telemetry/otel/metrics/instrument.ts";
import { attributesOf, startCollector } from "../support/collector.ts";
import { eventually, WITHIN_MS } from "../support/eventually.ts";
import { readPage, valueOf } from "../support/metrics_page.ts";

const ALL: [string, Instrument][] = Object.entries(INSTRUMENTS);

Deno.test("INSTRUMENTS is what deploy/METRICS.md lists", async () => {
  const page = await Deno.readTextFile(new URL("../../deploy/METRICS.md", import.meta.url));
  const rows = page.split("\n").filter((line) => /^\| `/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(
    rows,
    ALL.map(([name, { kind, unit, labels, help, ...more }]) => [
      `\`${prometheusName(name, { kind, unit })}\``,
      kind,
      labels.map((label) => label.replaceAll(".", "_")).join(", "),
      more.buckets ? `${help} Buckets to ${more.buckets.at(-1)} s.` : help,
    ]),
  );
});

for (
  const [name, instrument, expected] of [
    ["weir.function.deliveries", { kind: "counter", unit: "{delivery}" }, "weir_function_deliveries_total"],
    ["weir.function.duration", { kind: "histogram", unit: "s" }, "weir_function_duration_seconds"],
    ["process.cpu.time", { kind: "counter", unit: "s" }, "process_cpu_time_seconds_total"],
    ["process.memory.usage", { kind: "gauge", unit: "By" }, "process_memory_usage_bytes"],
    ["weir.nats.connected", { kind: "gauge", unit: "" }, "weir_nats_connected"],
  ] as const
) {
  Deno.test(`prometheusName of ${name} is ${expected}`, () => assert.equal(prometheusName(name, instrument), expected));
}

Deno.test("Metrics.page describes each metric and has its value", async () => {
  const metrics = new Metrics("shop");
  metrics.counter("weir.function.attempts").cell({ function: "pay" }).value = 3;
  metrics.counter("weir.function.attempts").cell({ function: "pay" }).value++;
  metrics.gauge("weir.nats.connected", () => [[1]]);
  metrics.histogram("weir.publish.duration").cell({ type: "orders.created", outcome: "stored" }).record(0.3);
  const page = await metrics.page();
  assert.match(page, /^# HELP weir_function_attempts_total Runs of the handler\.$/m);
  assert.match(page, /^# TYPE weir_function_attempts_total counter$/m);
  assert.match(page, /^weir_function_attempts_total\{function="pay"\} 4$/m);
  assert.match(page, /^weir_nats_connected 1$/m);
  assert.match(page, /^# TYPE weir_publish_duration_seconds histogram$/m);
  const bucket = (le: string) => valueOf(page, "weir_publish_duration_seconds_bucket", { le });
  assert.deepEqual([bucket("0.25"), bucket("0.5"), bucket("+Inf")], [0, 1, 1]);
  assert.equal(readPage(page).find(({ name }) => name === "target_info")?.labels.service_name, "shop");
  await metrics.shutdown();
});

Deno.test("Metrics.gauges reads gauges together, and leaves out unknown values", async () => {
  const metrics = new Metrics("shop");
  metrics.gauges(["weir.function.pending", "weir.function.delayed_retries"], async (observe) => {
    await Promise.resolve();
    observe("weir.function.pending", 7, { function: "pay" });
  });
  const page = await metrics.page();
  assert.equal(valueOf(page, "weir_function_pending", { function: "pay" }), 7);
  assert.equal(valueOf(page, "weir_function_delayed_retries"), undefined);
  await metrics.shutdown();
});

Deno.test("setupMetrics pushes to an endpoint at the interval, and a last time at shutdown", async () => {
  await using receiver = startCollector();
  const env: Record<string, string> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/`,
    OTEL_METRIC_EXPORT_INTERVAL: "50",
  };
  const metrics = await setupMetrics((name) => env[name], "shop");
  assert.equal(metrics.pushesTo, `${receiver.url}/v1/metrics`);
  await eventually(() => receiver.requests.length >= 2);
  metrics.counter("weir.nats.reconnects").cell({}).value++;
  await metrics.shutdown();
  assert.deepEqual([...new Set(receiver.requests)], ["POST /v1/metrics application/json"]);
  assert.ok(receiver.metrics().some(({ name }) => name === "weir.nats.reconnects"));
  const resource = attributesOf(receiver.exports[0].resourceMetrics![0].resource.attributes);
  assert.equal(resource["service.name"], "shop");
  assert.match(String(resource["service.instance.id"]), /^[0-9a-f-]{36}$/);
});

for (
  const [what, env, expected] of [
    [
      "a metrics endpoint is used as it is",
      { METRICS_ENDPOINT: "http://127.0.0.1:1/in" },
      "http://127.0.0.1:1/in",
    ],
    ["nowhere without an endpoint", {}, undefined],
    ["nowhere if the exporter is none", { ENDPOINT: "http://127.0.0.1:1", none: "none" }, undefined],
    ["nowhere if the exporter is prometheus", { ENDPOINT: "http://127.0.0.1:1", none: "prometheus" }, undefined],
    [
      "the endpoint if otlp is among the exporters",
      { ENDPOINT: "http://127.0.0.1:1", none: "prometheus, otlp" },
      "http://127.0.0.1:1/v1/metrics",
    ],
    ["nowhere if the SDK is disabled", { ENDPOINT: "http://127.0.0.1:1", off: "true" }, undefined],
  ] as const
) {
  Deno.test(`setupMetrics pushes to: ${what}`, async () => {
    const { ENDPOINT, METRICS_ENDPOINT, none, off } = { ...env } as Record<string, string | undefined>;
    const variables: Record<string, string | undefined> = {
      OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: METRICS_ENDPOINT,
      OTEL_METRICS_EXPORTER: none,
      OTEL_SDK_DISABLED: off,
      OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    };
    const metrics = await setupMetrics((name) => variables[name], "shop");
    assert.equal(metrics.pushesTo, expected);
    await metrics.shutdown();
  });
}

Deno.test("setupMetrics counts a refused push as dropped", async () => {
  await using receiver = startCollector(() => Promise.resolve(Response.json({}, { status: 400 })));
  const env: Record<string, string> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_METRIC_EXPORT_INTERVAL: "50",
  };
  const metrics = await setupMetrics((name) => env[name], "shop");
  await eventually(async () =>
    valueOf(await metrics.page(), "weir_telemetry_dropped_total", { signal: "metrics" })! > 0
  );
  await metrics.shutdown();
});

Deno.test("Metrics.shutdown does not wait for a collector that never answers, even if an export may take an hour", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  await using receiver = startCollector(() => end.then(() => Response.json({})));
  const env: Record<string, string> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_TIMEOUT: "3600000",
  };
  const metrics = await setupMetrics((name) => env[name], "shop");
  await withTimeout(systemClock, WITHIN_MS, metrics.shutdown());
  resolve();
});

Deno.test("Metrics.gauge leaves out a series that is no longer observed", async () => {
  const metrics = new Metrics("test");
  let known = true;
  metrics.gauge("weir.function.pending", () => known ? [[42, { function: "f" }]] : []);
  assert.match(await metrics.page(), /^weir_function_pending\{function="f"\} 42$/m);
  known = false;
  assert.doesNotMatch(await metrics.page(), /weir_function_pending\{/);
  await metrics.shutdown();
});

Deno.test("Metrics.gauge and Metrics.gauges replace the callback of a gauge that is added again", async () => {
  const metrics = new Metrics("test");
  for (const value of [0, 1]) {
    metrics.gauge("weir.nats.connected", () => value === 0 ? [[value, { of: "before" }]] : [[value]]);
    metrics.gauges(["weir.function.pending"], (observe) => {
      observe("weir.function.pending", value, { function: `f${value}` });
      return Promise.resolve();
    });
  }
  const page = await metrics.page();
  assert.match(page, /^weir_nats_connected 1$/m);
  assert.match(page, /^weir_function_pending\{function="f1"\} 1$/m);
  assert.doesNotMatch(page, /="(before|f0)"/);
  await metrics.shutdown();
});
