import assert from "node:assert/strict";
import { otelProblems } from "../../runtime/app/otel_environment.ts";

for (
  const [name, right, wrong, wanted] of [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "127.0.0.1:4318", /^a URL such as/],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://c/v1/traces", "collector", /^a URL such as/],
    ["OTEL_METRIC_EXPORT_INTERVAL", "60000", "-1", /^a whole number above zero$/],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "2048", "many", /^a whole number above zero$/],
    ["OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "nonsense", /parentbased_always_on/],
    ["OTEL_TRACES_SAMPLER_ARG", "0.25", "10", /^a share from 0 to 1$/],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "grpc", /grpc is not supported/],
  ] as const
) {
  Deno.test(`otelProblems accepts ${name}=${right}, and refuses ${wrong}`, () => {
    assert.deepEqual(otelProblems((variable) => variable === name ? right : undefined), []);
    const [problem, ...others] = otelProblems((variable) => variable === name ? wrong : undefined);
    assert.deepEqual(others, []);
    const [fault, help] = problem.split("; wanted: ");
    assert.equal(fault, `${name} is "${wrong}"`);
    assert.match(help, wanted);
  });
}

Deno.test("otelProblems ignores empty variables, and names every wrong one", () => {
  assert.deepEqual(otelProblems(() => ""), []);
  const env: Record<string, string> = { OTEL_TRACES_SAMPLER: "x", OTEL_METRIC_EXPORT_INTERVAL: "0" };
  assert.equal(otelProblems((name) => env[name]).length, 2);
});
