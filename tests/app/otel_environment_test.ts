import assert from "node:assert/strict";
import { OTEL_VARIABLES, otelProblems } from "../../runtime/app/otel_environment.ts";

const readFile = (path: string) => {
  if (path !== "/ca.pem") throw new Error("no such file");
  return "PEM";
};

for (
  const [name, right, wrong, wanted] of [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "127.0.0.1:4318", /^a URL such as/],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://c/v1/traces", "collector", /^a URL such as/],
    ["OTEL_METRIC_EXPORT_INTERVAL", "60000", "-1", /^a whole number above zero$/],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "2048", "many", /^a whole number above zero$/],
    ["OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "nonsense", /parentbased_always_on/],
    ["OTEL_TRACES_SAMPLER_ARG", "0.25", "10", /^a share from 0 to 1$/],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "grpc", /grpc and http\/protobuf are not supported/],
    ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf", /grpc and http\/protobuf are not supported/],
    ["OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "500", "1s", /^a whole number above zero$/],
    ["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip", "zstd", /^gzip or none$/],
    ["OTEL_PROPAGATORS", "tracecontext, baggage", "b3", /^"tracecontext", "baggage", "none", or several/],
    ["OTEL_PROPAGATORS", "none", "tracecontext,b3multi", /"none"/],
    ["OTEL_TRACES_EXPORTER", "otlp", "console", /^"otlp", "none"/],
    ["OTEL_METRICS_EXPORTER", "otlp,prometheus", "console", /"prometheus"/],
    ["OTEL_LOGS_EXPORTER", "otlp,console", "zipkin", /"console"/],
    ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative", "delta", /^cumulative, the only one/],
    [
      "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
      "explicit_bucket_histogram",
      "base2_exponential_bucket_histogram",
      /^explicit_bucket_histogram/,
    ],
    ["OTEL_SDK_DISABLED", "TRUE", "1", /^true or false$/],
    ["OTEL_BLRP_MAX_QUEUE_SIZE", "10", "many", /^a whole number/],
    ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "", "10", /^no value/],
    ["OTEL_RESOURCE_ATTRIBUTES", "team=shop,cell=1,", "team=shop,cell", /^key=value/],
    ["OTEL_RESOURCE_ATTRIBUTES", "share=50%25,a=", "share=50%", /^key=value, each percent-encoded/],
    ["OTEL_RESOURCE_ATTRIBUTES", `a=${"%20".repeat(255)}`, `a=${"x".repeat(256)}`, /up to 255 characters/],
    ["OTEL_RESOURCE_ATTRIBUTES", "sum=1%2B1%3D2", "sum=1+1=2", /^key=value, each percent-encoded/],
    ["OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem", "/none.pem", /^the path of a PEM file that can be read$/],
    ["OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "/ca.pem", "/none.pem", /^the path of a PEM file that can be read$/],
    ["OTEL_METRICS_EXPORTER", "none", "none,otlp", /"none"/],
    ["OTEL_EXPORTER_PROMETHEUS_PORT", "", "9464", /ADMIN_PORT$/],
    ["OTEL_LOG_LEVEL", "", "debug", /^no value/],
    ["OTEL_CONFIG_FILE", "", "otel.yaml", /^no value/],
  ] as const
) {
  Deno.test(`otelProblems accepts ${name}=${right}, and refuses ${wrong}`, () => {
    assert.deepEqual(otelProblems((variable) => variable === name ? right : undefined, readFile), []);
    const [problem, ...others] = otelProblems((variable) => variable === name ? wrong : undefined, readFile);
    assert.deepEqual(others, []);
    const [fault, help] = problem.split("; wanted: ");
    assert.equal(fault, `${name} is "${wrong}"`);
    assert.match(help, wanted);
  });
}

Deno.test("otelProblems leaves to Deno's own OpenTelemetry what it reads", () => {
  const env: Record<string, string> = { OTEL_DENO: "true", OTEL_PROPAGATORS: "b3", OTEL_LOGS_EXPORTER: "b3" };
  assert.deepEqual(otelProblems((name) => env[name], readFile).map((problem) => problem.split(" ")[0]), [
    "OTEL_LOGS_EXPORTER",
  ]);
});

Deno.test("OTEL_VARIABLES are those that deploy/CONFIGURATION.md lists", async () => {
  const page = await Deno.readTextFile(new URL("../../deploy/CONFIGURATION.md", import.meta.url));
  const section = page.split("## OpenTelemetry")[1].split("\n## ")[0];
  const rows = [...section.matchAll(/^\| (`OTEL_.*?) \|/gm)].flatMap(([, cell]) => cell.match(/[\w*…]+/g)!);
  const patterns = rows.map((name) =>
    new RegExp(`^${name.replace("…", "(_TRACES|_METRICS|_LOGS)?").replace("*", "\\w*")}$`)
  );
  const names = Object.keys(OTEL_VARIABLES);
  assert.deepEqual(names.filter((name) => !patterns.some((pattern) => pattern.test(name))), []);
  const without = patterns.filter((pattern) => !names.some((name) => pattern.test(name))).map(({ source }) => source);
  assert.deepEqual(without, ["^OTEL_DENO$", "^OTEL_SERVICE_NAME$"]);
});

Deno.test("otelProblems ignores empty variables, and names every wrong one", () => {
  assert.deepEqual(otelProblems(() => "", readFile), []);
  const env: Record<string, string> = { OTEL_TRACES_SAMPLER: "x", OTEL_METRIC_EXPORT_INTERVAL: "0" };
  assert.equal(otelProblems((name) => env[name], readFile).length, 2);
});

for (const wrong of ["Bearer hunter22hunter22", "authorization=Bearer hunter22%", "authorization="]) {
  Deno.test(`otelProblems refuses the header ${wrong}, and shows no secret`, () => {
    const given = (name: string) => name === "OTEL_EXPORTER_OTLP_HEADERS" ? wrong : undefined;
    assert.deepEqual(otelProblems(given, readFile), [
      "OTEL_EXPORTER_OTLP_HEADERS is a secret that is not shown; wanted: key=value, percent-encoded, several with commas",
    ]);
    assert.deepEqual(otelProblems((name) => given(name) && "authorization=Bearer%20x==", readFile), []);
  });
}

Deno.test("otelProblems shows no credentials of a URL", () => {
  const given = (name: string) => name === "OTEL_EXPORTER_OTLP_ENDPOINT" ? "grpc://shop:hunter22@collector" : undefined;
  assert.match(otelProblems(given, readFile)[0], /is "grpc:\/\/…@collector"; wanted/);
});
