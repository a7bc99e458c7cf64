import assert from "node:assert/strict";
import { type Instrument, INSTRUMENTS, prometheusName } from "../../../runtime/telemetry/instruments.ts";
import { Metrics, setupMetrics } from "../../../runtime/telemetry/otel/metrics.ts";
import { eventually } from "../../nats/eventually.ts";
import { readPage, startReceiver, valueOf } from "../metrics_fixture.ts";

const ALL: [string, Instrument][] = Object.entries(INSTRUMENTS);

Deno.test("Metrics reads a gauge that is given again only the new way", async () => {
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
  assert.doesNotMatch(page, /before|f0/);
  await metrics.shutdown();
});

Deno.test("deploy/METRICS.md lists every instrument as it is", async () => {
  const page = await Deno.readTextFile(new URL("../../../deploy/METRICS.md", import.meta.url));
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
  const [name, instrument, wanted] of [
    ["weir.function.deliveries", { kind: "counter", unit: "{delivery}" }, "weir_function_deliveries_total"],
    ["weir.function.duration", { kind: "histogram", unit: "s" }, "weir_function_duration_seconds"],
    ["process.cpu.time", { kind: "counter", unit: "s" }, "process_cpu_time_seconds_total"],
    ["process.memory.usage", { kind: "gauge", unit: "By" }, "process_memory_usage_bytes"],
    ["weir.nats.connected", { kind: "gauge", unit: "" }, "weir_nats_connected"],
  ] as const
) {
  Deno.test(`Prometheus calls ${name} ${wanted}`, () => assert.equal(prometheusName(name, instrument), wanted));
}

Deno.test("a page tells what each metric is, and what it was counted to", async () => {
  const metrics = new Metrics("shop");
  metrics.counter("weir.function.attempts").cell({ function: "pay" }).value = 3;
  metrics.counter("weir.function.attempts").cell({ function: "pay" }).value++;
  metrics.gauge("weir.nats.connected", () => [[1]]);
  metrics.histogram("weir.publish.duration").record(0.3, { type: "orders.created", outcome: "stored" });
  const page = await metrics.page();
  assert.match(page, /^# HELP weir_function_attempts_total How often the handler was run\.$/m);
  assert.match(page, /^# TYPE weir_function_attempts_total counter$/m);
  assert.match(page, /^weir_function_attempts_total\{function="pay"\} 4$/m);
  assert.match(page, /^weir_nats_connected 1$/m);
  assert.match(page, /^# TYPE weir_publish_duration_seconds histogram$/m);
  const bucket = (le: string) => valueOf(page, "weir_publish_duration_seconds_bucket", { le });
  assert.deepEqual([bucket("0.25"), bucket("0.5"), bucket("+Inf")], [0, 1, 1]);
  assert.equal(readPage(page).find(({ name }) => name === "target_info")?.labels.service_name, "shop");
  await metrics.shutdown();
});

Deno.test("numbers that take a while to read come together, and one that is not known is left out", async () => {
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

Deno.test("with an endpoint metrics are pushed at the interval, and once more at the end", async () => {
  await using receiver = startReceiver();
  const env: Record<string, string> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/`,
    OTEL_METRIC_EXPORT_INTERVAL: "50",
  };
  const metrics = await setupMetrics((name) => env[name], "shop");
  assert.equal(metrics.pushesTo, `${receiver.url}/v1/metrics`);
  await eventually(() => receiver.requests.length >= 2);
  metrics.counter("weir.nats.reconnects").cell({}).value++;
  await metrics.shutdown();
  assert.deepEqual([...new Set(receiver.requests)], ["POST /v1/metrics"]);
  assert.ok(receiver.metrics.some(({ name }) => name === "weir.nats.reconnects"));
  const [resource] = receiver.resources;
  assert.equal(resource["service.name"], "shop");
  assert.match(resource["service.instance.id"], /^[0-9a-f-]{36}$/);
});

for (
  const [what, env, wanted] of [
    [
      "an endpoint for metrics alone is taken as it is",
      { METRICS_ENDPOINT: "http://127.0.0.1:1/in" },
      "http://127.0.0.1:1/in",
    ],
    ["no endpoint: nowhere", {}, undefined],
    ["none", { ENDPOINT: "http://127.0.0.1:1", none: "none" }, undefined],
    ["pulled only", { ENDPOINT: "http://127.0.0.1:1", none: "prometheus" }, undefined],
    ["both", { ENDPOINT: "http://127.0.0.1:1", none: "prometheus, otlp" }, "http://127.0.0.1:1/v1/metrics"],
    ["the SDK is off", { ENDPOINT: "http://127.0.0.1:1", off: "true" }, undefined],
  ] as const
) {
  Deno.test(`where metrics are pushed to: ${what}`, async () => {
    const { ENDPOINT, METRICS_ENDPOINT, none, off } = { ...env } as Record<string, string | undefined>;
    const variables: Record<string, string | undefined> = {
      OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: METRICS_ENDPOINT,
      OTEL_METRICS_EXPORTER: none,
      OTEL_SDK_DISABLED: off,
      OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    };
    const metrics = await setupMetrics((name) => variables[name], "shop");
    assert.equal(metrics.pushesTo, wanted);
    await metrics.shutdown();
  });
}

Deno.test("a push that is refused is counted", async () => {
  await using receiver = startReceiver(400);
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

Deno.test("a collector that is gone keeps nobody for longer than two seconds", async () => {
  const receiver = startReceiver();
  await receiver[Symbol.asyncDispose]();
  const env: Record<string, string> = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const metrics = await setupMetrics((name) => env[name], "shop");
  const begun = performance.now();
  await metrics.shutdown();
  assert.ok(performance.now() - begun < 3_000);
});

Deno.test("a gauge that nobody knows any more is left out, and not shown as it last was", async () => {
  const metrics = new Metrics("test");
  let known = true;
  metrics.gauge("weir.function.pending", () => known ? [[42, { function: "f" }]] : []);
  assert.match(await metrics.page(), /^weir_function_pending\{function="f"\} 42$/m);
  known = false;
  assert.doesNotMatch(await metrics.page(), /weir_function_pending\{/);
  await metrics.shutdown();
});
