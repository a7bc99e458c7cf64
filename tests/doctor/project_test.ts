import assert from "node:assert/strict";
import { defineStream } from "weir";
import type { Facts } from "../../runtime/doctor/facts.ts";
import { configOf, facts, lines, Made, projectOf, Sent, ship, stream, streams } from "./facts.ts";

const orders = (options: Omit<Parameters<typeof defineStream>[0], "name">) =>
  defineStream({ name: "ORDERS", ...options });
const KEY = { WEIR_API_KEYS: "shop:0123456789abcdef" };

const cases: [what: string, given: Partial<Facts>, found: RegExp[]][] = [
  ["nothing is found where all is well", {}, []],
  [
    "a problem of the environment",
    { configProblems: ['PORT is "x"; wanted: a port'], config: { unknown: "the configuration is wrong" } },
    [/^configuration error: PORT is "x"/],
  ],
  ["keys that are missing beyond loopback", { config: configOf({ HOST: "0.0.0.0" }) }, [
    /^api-keys error: .*"0\.0\.0\.0"/,
  ]],
  ["keys that are missing in `dev`", { config: configOf({ HOST: "" }), dev: true }, [/^api-keys info: /]],
  ["everybody let in", { config: configOf({ HOST: "0.0.0.0", WEIR_AUTH: "none" }) }, [/^api-keys warning: WEIR_AUTH/]],
  ["everybody let in on loopback", { config: configOf({ WEIR_AUTH: "none" }) }, []],
  ["a process without ingress", { config: configOf({ HOST: "0.0.0.0", WEIR_ROLES: "functions" }) }, []],
  ["a long secret", { config: configOf({ HOST: "0.0.0.0", ...KEY }) }, []],
  [
    "a short secret",
    { config: configOf({ WEIR_API_KEYS: "shop:0123456789abcde" }) },
    [/^key-length warning: the secret of the API key "shop" has 15 characters/],
  ],
  ["a misspelt variable", { variables: ["WEIR_WORKER"] }, [/WEIR_WORKER is set, .*is WEIR_WORKERS meant\?/]],
  ["a misspelt one of OpenTelemetry", { variables: ["OTEL_EXPORTER_OTLP_ENDPIONT"] }, [
    /OTEL_EXPORTER_OTLP_ENDPOINT meant/,
  ]],
  ["one that Weir does not have", { variables: ["WEIR_COLOUR"] }, [
    /^variable-names warning: WEIR_COLOUR is set, and nothing/,
  ]],
  ["one of another program", { variables: ["PORTS", "OTEL_PYTHON_X", "NATS_PORT", "LOG_LEVELS_OF_OTHERS"] }, []],
  [
    "what Kubernetes sets",
    { variables: ["WEIR_SERVICE_HOST", "WEIR_PORT_8000_TCP_ADDR", "WEIR_PORT", "NATS_PORT"] },
    [],
  ],
  ["a secret in a file", { variables: ["WEIR_API_KEYS_FILE", "NATS_CREDS_FILE"] }, []],
  [
    "a function that is selected and is none",
    { config: configOf({ WEIR_FUNCTIONS: "ship,shipp" }) },
    [/^selected-functions error: WEIR_FUNCTIONS names "shipp"/],
  ],
  [
    "a timeout beyond the grace",
    { project: projectOf({ ship: ship({ timeout: "2m" }) }) },
    [/^shutdown-grace info: SHUTDOWN_GRACE is 25s; ship has a timeout of 2m$/],
  ],
  [
    "a collector that is away",
    { collectors: [{ variable: "OTEL_EXPORTER_OTLP_ENDPOINT", url: "http://otel:4317", problem: "refused" }] },
    [/^collector warning: .*http:\/\/otel:4317.*refused/],
  ],
  ["a collector that is there", { collectors: [{ variable: "X", url: "http://otel:4318" }] }, []],
  [
    "a file that cannot be loaded",
    { projectProblems: ["functions/a.ts: cannot be loaded: no"], project: { unknown: "the project cannot be loaded" } },
    [/^project error: functions\/a\.ts/],
  ],
  [
    "a stream that keeps events for less than the short retries take",
    { project: projectOf({ ship: ship({ timeout: "20s" }) }, [orders({ maxAge: "1m" })]) },
    [/^retry-horizon error: ship: 5 attempts with a timeout of 20s may take 84s in the stream ORDERS/],
  ],
  [
    "the same of the stream as it is",
    { streams: streams(stream("ORDERS", { max_age: 30e9 })) },
    [/^retry-horizon error: .* in the stream ORDERS, which keeps events for 30s/],
  ],
  [
    "long waits, which are spent in RETRIES, do not count",
    {
      project: projectOf({ ship: ship({ retry: { attempts: 5, initial: "1h", max: "1h", jitter: "none" } }) }, [
        orders({ maxAge: "15s" }),
      ]),
      streams: streams(stream("ORDERS", { max_age: 15e9 })),
    },
    [],
  ],
  [
    "long waits that chance may make short do",
    {
      project: projectOf({ ship: ship({ retry: { attempts: 5, initial: "1h", max: "1h" } }) }, [
        orders({ maxAge: "59s" }),
      ]),
    },
    [/^retry-horizon error: .* may take 1m in/],
  ],
  [
    "a function's maxAge that its attempts outlast",
    { project: projectOf({ ship: ship({ maxAge: "30s" }) }) },
    [/^function-age warning: ship: its 5 attempts may take 44s, and its maxAge is 30s/],
  ],
  ["one that leaves them time", { project: projectOf({ ship: ship({ maxAge: "44s" }) }) }, []],
  [
    "a function's maxAge beyond the stream's",
    { project: projectOf({ ship: ship({ maxAge: "8d" }) }) },
    [/^age-within-stream warning: ship takes events of up to 8d, and the stream ORDERS keeps them for 7d/],
  ],
  [
    "an event that nobody publishes",
    { project: projectOf({ ship: ship({ on: Sent, emits: [] } as never) }) },
    [/^unpublished-events info: ship waits for "orders\.sent"/],
  ],
  ["one that a function emits", {
    project: projectOf({ ship: ship(), tell: ship({ on: Sent, emits: [] } as never) }, [Made]),
  }, []],
];
for (const [what, given, expected] of cases) {
  Deno.test(`project: ${what}`, () => {
    const found = lines(given).filter((one) => !/: not checked: /.test(one));
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.match(found[i], pattern);
  });
}

Deno.test("what a rule needs and nobody knows is a finding of its own, and the others go on", () => {
  const found = lines({ ...facts(), clock: { unknown: "no answer" } });
  assert.deepEqual(found, ["clock warning: not checked: no answer"]);
});
