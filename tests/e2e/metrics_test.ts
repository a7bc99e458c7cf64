import assert from "node:assert/strict";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime, type TestRuntime } from "weir/testing";
import { z } from "zod";
import { INSTRUMENTS } from "../../runtime/telemetry/instruments.ts";
import { type Instrument, prometheusName } from "../../runtime/telemetry/otel/metrics/instrument.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { startCollector } from "../support/collector.ts";
import { eventually } from "../support/eventually.ts";
import { readPage, valueOf } from "../support/metrics_page.ts";

const Kind = z.enum(["fine", "once", "never", "later"]);
const Asked = defineEvent({
  type: "demo.asked",
  version: 1,
  data: z.object({ kind: Kind }),
  ingress: { route: "/ask" },
});
const Told = defineEvent({ type: "demo.told", version: 1, data: z.object({}) });
const Called = defineEvent({ type: "demo.called", version: 1, data: z.object({}) });

/** A function whose outcome is the `kind` of its event. */
const answering = defineFunction({
  on: Asked,
  emits: [Told],
  concurrency: 4,
  retry: { attempts: 2, initial: "1ms", max: "1ms" },
}, ({ data }, ctx) => {
  if (data.kind === "never") throw new NonRetryableError("no");
  if (data.kind === "later") throw new RetryAfterError("1h");
  if (data.kind === "once" && ctx.attempt === 1) throw new Error("not yet");
  ctx.emit(Told, {});
});
const calling = defineFunction({
  on: Called,
  dependencies: { Backend: { consecutiveFailures: 1, openFor: "1h" } },
}, async (_event, ctx) => {
  await ctx.dependency("Backend").call(() => Promise.reject(new Error("down")));
});

const pageOf = async ({ adminUrl }: TestRuntime) => await (await fetch(`${adminUrl}/metrics`)).text();

async function post(runtime: TestRuntime, kind: string): Promise<string> {
  const response = await fetch(`${runtime.url}/ask`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind }),
  });
  assert.equal(response.status, 202);
  return (await response.json()).id;
}

/** Runs an event of each kind, and one that opens a breaker. Returns their ids, and the page that counts them all. */
async function runAll(runtime: TestRuntime): Promise<{ ids: string[]; page: string }> {
  const ids: string[] = [];
  for (const kind of Kind.options) ids.push(await post(runtime, kind));
  await runtime.publish(Called, {}, { id: "call-1" });
  await (await fetch(`${runtime.url}/nowhere/${ids[0]}`, { method: "MADEUP" })).text();
  const settled = { function: "answering", outcome: "ack" }, delayed = { function: "answering", reason: "retry-after" };
  const page = await eventually(async () => {
    const page = await pageOf(runtime);
    // A page reads its histograms after its counters, with slow reads in between: an event may be in one of them only.
    const done = valueOf(page, "weir_function_outcomes_total", { ...settled, reason: "" }) === 2 &&
      valueOf(page, "weir_function_duration_seconds_count", settled) === 2 &&
      valueOf(page, "weir_function_outcomes_total", delayed) === 1 &&
      valueOf(page, "weir_dead_letters_total") === 1 &&
      valueOf(page, "weir_function_delayed_retries", { function: "answering" }) === 1 &&
      valueOf(page, "weir_function_oldest_waiting_age_seconds", { function: "answering" }) === 0 &&
      valueOf(page, "weir_dead_letters_waiting", { function: "answering" }) === 1 &&
      valueOf(page, "weir_breaker_changes_total", { name: "Backend", to: "open" }) === 1;
    return done ? page : undefined;
  });
  return { ids: [...ids, "call-1"], page };
}

Deno.test("/metrics has every instrument with its labels, and no event id", async () => {
  await using runtime = await startTestRuntime({ functions: { answering, calling } });
  const { ids, page } = await runAll(runtime);
  const series = readPage(page);
  for (const [name, instrument] of Object.entries(INSTRUMENTS) as [string, Instrument][]) {
    const called = prometheusName(name, instrument), { kind, labels } = instrument;
    assert.ok(page.includes(`# HELP ${called} `) && page.includes(`# TYPE ${called} ${kind}\n`), called);
    const own = series.filter((one) => one.name === (kind === "histogram" ? `${called}_count` : called));
    assert.notEqual(own.length, 0, `no series of ${called}`);
    for (const one of own) assert.deepEqual(Object.keys(one.labels), labels.map((label) => label.replaceAll(".", "_")));
  }
  const values = series.filter(({ name }) => name !== "target_info").flatMap(({ labels }) => Object.values(labels));
  assert.deepEqual(values.filter((text) => ids.some((id) => text.includes(id))), []);

  const of = (name: string, labels: Record<string, string> = {}) =>
    valueOf(page, name, { function: "answering", ...labels });
  assert.equal(of("weir_function_attempts_total"), 5);
  assert.equal(of("weir_function_deliveries_total"), 5);
  assert.equal(of("weir_function_redeliveries_total"), 1);
  assert.equal(of("weir_function_outcomes_total", { outcome: "ack", reason: "" }), 2);
  assert.equal(of("weir_function_outcomes_total", { outcome: "retry", reason: "failed" }), 1);
  assert.equal(of("weir_function_outcomes_total", { outcome: "dead-letter", reason: "rejected" }), 1);
  assert.equal(of("weir_dead_letters_total", { reason: "rejected" }), 1);
  assert.equal(of("weir_function_concurrency"), 4);
  assert.equal(of("weir_function_pulling"), 1);
  const breaker = { of: "dependency", name: "Backend" };
  assert.equal(valueOf(page, "weir_breaker_state", { ...breaker, state: "open" }), 1);
  assert.equal(valueOf(page, "weir_breaker_state", { ...breaker, state: "closed" }), 0);
  assert.equal(valueOf(page, "weir_publish_duration_seconds_count", { type: "demo.told", outcome: "stored" }), 2);
  const request = { http_request_method: "POST", http_route: "/ask", http_response_status_code: "202" };
  assert.equal(valueOf(page, "http_server_request_duration_seconds_count", request), 4);
  const strange = { http_request_method: "_OTHER", http_route: "", http_response_status_code: "404" };
  assert.equal(valueOf(page, "http_server_request_duration_seconds_count", strange), 1);
  assert.equal(valueOf(page, "weir_nats_connected"), 1);
});

Deno.test("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT receives every instrument at shutdown", async () => {
  await using receiver = startCollector();
  const env = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url}/v1/metrics` };
  const runtime = await startTestRuntime({ functions: { answering, calling }, env });
  await runAll(runtime);
  assert.deepEqual(receiver.requests, [], "the interval is a minute");
  await runtime.stop();
  assert.deepEqual(receiver.requests, ["POST /v1/metrics application/json"]);
  const pushed = new Set(receiver.metrics().map(({ name }) => name));
  const lag = /pending|delayed_retries|waiting/; // read from the server, whose connection is closed by then
  assert.deepEqual(Object.keys(INSTRUMENTS).filter((name) => !pushed.has(name) && !lag.test(name)), []);
  for (const { name, unit } of receiver.metrics()) {
    assert.equal(unit, INSTRUMENTS[name as keyof typeof INSTRUMENTS].unit, name);
  }
});

Deno.test("/metrics counts a reconnect, and has weir_nats_connected 0 before it", async () => {
  await using runtime = await startTestRuntime({ functions: { answering } });
  assert.equal(valueOf(await pageOf(runtime), "weir_nats_reconnects_total"), 0);
  await runtime.server.kill();
  await eventually(async () => valueOf(await pageOf(runtime), "weir_nats_connected") === 0);
  await runtime.server.restart();
  await eventually(async () => valueOf(await pageOf(runtime), "weir_nats_connected") === 1);
  assert.equal(valueOf(await pageOf(runtime), "weir_nats_reconnects_total"), 1);
});

Deno.test("GET /functions shows delayed retries, the age of the oldest waiting event, and the last error", async () => {
  await using runtime = await startTestRuntime({ functions: { answering, calling } });
  const before = Date.now();
  await runAll(runtime);
  const [asked, called] = await eventually(async () => {
    const all = await (await fetch(`${runtime.adminUrl}/functions`)).json();
    return all[0].ackPending === 0 ? all : undefined; // acks may still be in flight
  });
  assert.deepEqual([asked.delayedRetries, asked.oldestWaitingMs, asked.pending, asked.ackPending], [1, 0, 0, 0]);
  const { at, ...error } = asked.lastError;
  // Two events fail concurrently: either may be the last error.
  const ends = { "retry-after": "RetryAfterError: retry after 1h", "rejected": "NonRetryableError: no" };
  assert.ok(
    Object.entries(ends).some(([reason, text]) => error.reason === reason && error.error === text),
    error.error,
  );
  assert.ok(Date.parse(at) >= before && Date.parse(at) <= Date.now());
  assert.equal(called.lastError.error, "Error: down");
  assert.ok(called.oldestWaitingMs >= 0);
});

Deno.test("/metrics of the ingress shows what waits for functions that no process runs", async () => {
  await using server = await startServer();
  const functions = { answering, calling };
  const ingress = { functions, server, env: { WEIR_ROLES: "ingress" } };
  {
    await using _functions = await startTestRuntime({ functions, server, env: { WEIR_ROLES: "functions" } });
  }
  await using runtime = await startTestRuntime(ingress);
  for (let n = 0; n < 3; n++) await post(runtime, "fine");
  const own = { function: "answering" };
  const page = await eventually(async () => {
    const page = await pageOf(runtime);
    return valueOf(page, "weir_function_pending", own) === 3 ? page : undefined;
  }, { every: 100 });
  assert.ok(valueOf(page, "weir_function_oldest_waiting_age_seconds", own)! > 0);
  assert.equal(valueOf(page, "weir_dead_letters_waiting", own), 0);
  assert.equal(valueOf(page, "weir_function_pending", { function: "calling" }), 0);
  assert.equal(page.includes("weir_function_pulling{"), false);
  assert.equal(valueOf(page, "weir_ingress_in_flight"), 0);
});
