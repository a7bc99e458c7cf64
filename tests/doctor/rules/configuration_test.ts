import { defineConfig, FUNCTION_DEFAULTS } from "weir";
import { z } from "zod";
import { registryOf } from "../../../runtime/testing/test_registry.ts";
import { configOf, projectOf, ship, testRules } from "../facts.ts";

const KEY = { WEIR_API_KEYS: "shop:0123456789abcdef" };

/** Makes a project that declares these variables. */
function withVariables(...names: string[]) {
  const config = defineConfig(z.object(Object.fromEntries(names.map((name) => [name, z.string()]))));
  const definitions = [{ file: "functions/_config.ts", exports: { config }, functions: ["functions/ship.ts"] }];
  return { value: registryOf({ ship: ship() }, [], definitions) };
}

testRules([
  ["configuration", "an invalid variable", {
    configProblems: ['PORT is "x"; wanted: a port'],
    config: { unknown: "the configuration is invalid" },
  }, [/^configuration error: PORT is "x"/]],
  ["api-keys", "none beyond loopback", { config: configOf({ HOST: "0.0.0.0" }) }, [/^api-keys error: .*"0\.0\.0\.0"/]],
  ["api-keys", "none in `dev`", { config: configOf({ HOST: "" }), dev: true }, [/^api-keys info: /]],
  ["api-keys", "WEIR_AUTH=none beyond loopback", { config: configOf({ HOST: "0.0.0.0", WEIR_AUTH: "none" }) }, [
    /^api-keys warning: WEIR_AUTH/,
  ]],
  ["api-keys", "WEIR_AUTH=none on loopback", { config: configOf({ WEIR_AUTH: "none" }) }, []],
  ["api-keys", "none without ingress", { config: configOf({ HOST: "0.0.0.0", WEIR_ROLES: "functions" }) }, []],
  ["key-length", "16 characters", { config: configOf({ HOST: "0.0.0.0", ...KEY }) }, []],
  ["key-length", "15 characters", { config: configOf({ WEIR_API_KEYS: "shop:0123456789abcde" }) }, [
    /^key-length warning: the secret of the API key "shop" has 15 characters/,
  ]],
  ["memory-limit", "a heap that is not bounded by it", { memory: { heap: 4_192 * 2 ** 20, group: 512 * 2 ** 20 } }, [
    /^memory-limit error: the heap may grow to 4192 MiB, and the kernel kills the process at 512 MiB$/,
  ]],
  ["memory-limit", "no limit", { memory: undefined }, []],
  ["memory-limit", "more workers than fit into it", { config: configOf({ WEIR_WORKERS: "8" }) }, [
    /^memory-limit error: 8 workers need 890 MiB without events, and the kernel kills them at 512 MiB$/,
  ]],
  ["variable-names", "a misspelt one of Weir", { variables: ["WEIR_WORKER"] }, [
    /WEIR_WORKER is set, .*did you mean WEIR_WORKERS\?/,
  ]],
  ["variable-names", "a misspelt one of OpenTelemetry", { variables: ["OTEL_EXPORTER_OTLP_ENDPIONT"] }, [
    /did you mean OTEL_EXPORTER_OTLP_ENDPOINT/,
  ]],
  ["variable-names", "an unknown one of Weir", { variables: ["WEIR_COLOUR"] }, [
    /^variable-names warning: WEIR_COLOUR is set, and nothing/,
  ]],
  ["variable-names", "a misspelt one of the project, and right ones", {
    variables: ["PAYMNT_URL", "PAYMENT_URL", "WEIR_SHOP"],
    project: withVariables("PAYMENT_URL", "WEIR_SHOP"),
  }, [/^variable-names warning: PAYMNT_URL is set, and nothing reads it: did you mean PAYMENT_URL\?$/]],
  ["variable-names", "those of other programs", {
    variables: ["PORTS", "OTEL_PYTHON_X", "NATS_PORT", "LOG_LEVELS_OF_OTHERS"],
  }, []],
  ["variable-names", "those of Kubernetes", {
    variables: ["WEIR_SERVICE_HOST", "WEIR_PORT_8000_TCP_ADDR", "WEIR_PORT", "NATS_PORT"],
  }, []],
  ["variable-names", "secrets in files", { variables: ["WEIR_API_KEYS_FILE", "NATS_CREDS_FILE"] }, []],
  ["selected-functions", "an unknown name", { config: configOf({ WEIR_FUNCTIONS: "ship,shipp" }) }, [
    /^selected-functions error: WEIR_FUNCTIONS names "shipp"/,
  ]],
  ["shutdown-grace", "shorter than a timeout", { project: projectOf({ ship: ship({ timeout: "2m" }) }) }, [
    /^shutdown-grace info: SHUTDOWN_GRACE is 25s; ship has a timeout of 2m$/,
  ]],
  ["shutdown-grace", "the defaults", {
    project: projectOf({ ship: ship({ timeout: FUNCTION_DEFAULTS.timeout }) }),
  }, []],
  ["shutdown-grace", "shorter than two timeouts", {
    project: projectOf({ ship: ship({ timeout: "2m" }), bill: ship({ timeout: "1m" }) }),
  }, [/; ship has a timeout of 2m, bill has a timeout of 1m$/]],
  ["collector", "one that does not answer", {
    collectors: [{ variable: "OTEL_EXPORTER_OTLP_ENDPOINT", url: "http://otel:4317", problem: "refused" }],
  }, [/^collector warning: .*http:\/\/otel:4317.*refused/]],
  ["collector", "one that answers", { collectors: [{ variable: "X", url: "http://otel:4318" }] }, []],
]);
