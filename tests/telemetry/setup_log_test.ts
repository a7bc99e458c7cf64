import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { attributesOf, startCollector } from "../support/collector.ts";
import { runWithoutOtel } from "../support/telemetry_program.ts";

const PROGRAM = fileURLToPath(new URL("log_program.ts", import.meta.url));

async function runLog(env: Record<string, string>): Promise<{ lines: Record<string, unknown>[]; text: string }> {
  const text = await runWithoutOtel(PROGRAM, { DEMO_PASSWORD: "hunter22", ...env });
  return { text, lines: text.trim().split("\n").map((line) => JSON.parse(line)) };
}

Deno.test("setupLog adds the active span, redacts secrets, and limits repeated lines", async () => {
  const { lines, text } = await runLog({});
  assert.doesNotMatch(text, /hunter22/);
  const [outside, inside] = lines;
  assert.equal(outside.trace_id, undefined);
  assert.match(String(inside.trace_id), /^[0-9a-f]{32}$/);
  assert.match(String(inside.span_id), /^[0-9a-f]{16}$/);
  assert.deepEqual([inside.message, inside.function, inside.attempt], ["refused [redacted]", "reserve", 2]);
  assert.deepEqual(lines.slice(2).map(({ message }) => message), [
    ...Array(50).fill("repeated"),
    "repeated … and 10 more in 10 s",
    "stopped",
  ]);
});

Deno.test("setupLog with OTEL_LOGS_EXPORTER=otlp exports the same lines, each with its span", async () => {
  await using receiver = startCollector();
  const { lines } = await runLog({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_LOGS_EXPORTER: "otlp" });
  const records = receiver.logs();
  assert.deepEqual(records.map(({ body }) => body.stringValue), lines.map(({ message }) => message));
  const [outside, inside] = records;
  assert.deepEqual([outside.severityText, outside.severityNumber, outside.traceId], ["info", 9, undefined]);
  assert.deepEqual(attributesOf(outside.attributes), { items: '[1,{"sku":"book"}]' });
  const [span] = receiver.spans();
  assert.deepEqual([inside.severityText, inside.traceId, inside.spanId], ["error", span.traceId, span.spanId]);
  const { function: fn, attempt, error } = attributesOf(inside.attributes);
  assert.deepEqual([fn, attempt], ["reserve", 2]);
  assert.match(String(error), /^Error: \[redacted\] is wrong\n/);
  const { resource } = receiver.exports.find(({ resourceLogs }) => resourceLogs)!.resourceLogs![0];
  assert.equal(attributesOf(resource.attributes)["service.name"], "log-program");
});

Deno.test("setupLog without OTEL_LOGS_EXPORTER exports no logs", async () => {
  await using receiver = startCollector();
  await runLog({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  assert.deepEqual(receiver.logs(), []);
  assert.ok(receiver.spans().length > 0);
});

Deno.test("setupLog warns if logs are to be exported and no endpoint is set", async () => {
  const { lines } = await runLog({ OTEL_LOGS_EXPORTER: "otlp" });
  assert.deepEqual([lines[0].level, lines[0].message], [
    "warn",
    "logs are not exported: OTEL_LOGS_EXPORTER is otlp, but OTEL_EXPORTER_OTLP_ENDPOINT is not set",
  ]);
});

Deno.test("setupLog reports how many spans an unreachable collector has missed", async () => {
  const { lines } = await runLog({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
  const warning = lines.find(({ signal }) => signal === "traces")!;
  assert.deepEqual([warning.level, warning.dropped, warning.dropped_in_all], ["warn", 1, 1]);
});

Deno.test("setupLog and setupTracing export the same service.instance.id, another one for each process", async () => {
  await using receiver = startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_LOGS_EXPORTER: "otlp" };
  const ids = [];
  for (let process = 1; process <= 2; process++) {
    receiver.exports.length = 0;
    await runLog(env);
    const resources = receiver.exports.flatMap(({ resourceLogs = [], resourceSpans = [] }) => [
      ...resourceLogs,
      ...resourceSpans,
    ]);
    ids.push([...new Set(resources.map(({ resource }) => attributesOf(resource.attributes)["service.instance.id"]))]);
    assert.ok(resources.length >= 2);
  }
  assert.deepEqual(ids.map((own) => own.length), [1, 1]);
  assert.match(String(ids[0][0]), /^[0-9a-f-]{36}$/);
  assert.notEqual(ids[0][0], ids[1][0]);
  receiver.exports.length = 0;
  await runLog({ ...env, OTEL_RESOURCE_ATTRIBUTES: "service.instance.id=mine" });
  const [{ resource }] = receiver.exports.flatMap(({ resourceLogs = [] }) => resourceLogs);
  assert.equal(attributesOf(resource.attributes)["service.instance.id"], "mine");
});
