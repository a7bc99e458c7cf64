import assert from "node:assert/strict";
import { isDisabled, otlpEndpoint, otlpTimeoutMs } from "../../../../runtime/telemetry/otel/export/otlp_environment.ts";

type Variables = Record<string, string>;
const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", base = { [ENDPOINT]: "http://c:4318" };

const endpoints: [what: string, env: Variables, signal: "traces" | "metrics" | "logs", url: string | undefined][] = [
  ["the common one", base, "traces", "http://c:4318"],
  ["its own", { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t/v1/traces" }, "traces", "http://t/v1/traces"],
  [
    "the common one if its own is empty",
    { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "" },
    "traces",
    "http://c:4318",
  ],
  ["none without a variable", {}, "metrics", undefined],
  ["none if its exporter is none", { ...base, OTEL_TRACES_EXPORTER: "None" }, "traces", undefined],
  ["none if it is exported otherwise", { ...base, OTEL_METRICS_EXPORTER: "prometheus" }, "metrics", undefined],
  ["one of several", { ...base, OTEL_LOGS_EXPORTER: "console, OTLP" }, "logs", "http://c:4318"],
  ["none for logs without an exporter variable", base, "logs", undefined],
  ["none if the SDK is disabled", { ...base, OTEL_SDK_DISABLED: "TRUE" }, "traces", undefined],
];
for (const [what, env, signal, url] of endpoints) {
  Deno.test(`otlpEndpoint of ${signal} is ${what}`, () => assert.equal(otlpEndpoint((name) => env[name], signal), url));
}

Deno.test("isDisabled takes true in any case", () => {
  const values = ["true", "TRUE", " True ", "false", "", undefined];
  assert.deepEqual(values.map((value) => isDisabled(() => value)), [true, true, true, false, false, false]);
});

Deno.test("otlpTimeoutMs is that of the signal, the common one, or two seconds", () => {
  const env: Variables = { OTEL_EXPORTER_OTLP_TIMEOUT: "900", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "300" };
  assert.deepEqual(
    [
      otlpTimeoutMs((name) => env[name], "traces"),
      otlpTimeoutMs((name) => env[name], "logs"),
      otlpTimeoutMs(() => "", "logs"),
    ],
    [300, 900, 2_000],
  );
});
