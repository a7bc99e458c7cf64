import assert from "node:assert/strict";
import { defineStream, FUNCTION_DEFAULTS } from "weir";
import { configOf, examined, Made, projectOf, Sent, ship, stream, streams, testRules } from "../facts.ts";

const orders = (options: Omit<Parameters<typeof defineStream>[0], "name">) =>
  defineStream({ name: "ORDERS", ...options });
const HOUR = { initial: "1h", max: "1h" } as const;

testRules([
  ["project", "a file that cannot be loaded", {
    projectProblems: ["functions/a.ts: cannot be loaded: no"],
    project: { unknown: "the project cannot be loaded" },
  }, [/^project error: functions\/a\.ts/]],
  ["project-warnings", "a type that is probably misspelt", {
    project: { value: { ...projectOf({ ship: ship() }).value, warnings: ['no event has the type "orders.creatd"'] } },
  }, [/^project-warnings warning: no event has the type/]],
  ["retry-horizon", "a declared maxAge shorter than the short retries", {
    project: projectOf({ ship: ship({ timeout: "20s" }) }, [orders({ maxAge: "1m" })]),
  }, [/^retry-horizon error: ship: 5 attempts with a timeout of 20s may take 84s in the stream ORDERS/]],
  ["retry-horizon", "an existing max_age shorter than the short retries", {
    streams: streams(stream("ORDERS", { max_age: 30e9 })),
  }, [/^retry-horizon error: .* in the stream ORDERS, which keeps events for 30s/]],
  ["retry-horizon", "delayed retries, which wait elsewhere", {
    project: projectOf({ ship: ship({ retry: { ...HOUR, attempts: 5, jitter: "none" } }) }, [
      orders({ maxAge: "15s" }),
    ]),
    streams: streams(stream("ORDERS", { max_age: 15e9 })),
  }, []],
  ["retry-horizon", "long delays that full jitter may shorten", {
    project: projectOf({ ship: ship({ retry: { ...HOUR, attempts: 5 } }) }, [orders({ maxAge: "59s" })]),
  }, [/^retry-horizon error: .* may take 1m in/]],
  ["function-age", "shorter than the attempts", { project: projectOf({ ship: ship({ maxAge: "30s" }) }) }, [
    /^function-age warning: ship: its 5 attempts may take 44s, and its maxAge is 30s/,
  ]],
  ["function-age", "as long as the attempts", { project: projectOf({ ship: ship({ maxAge: "44s" }) }) }, []],
  ["age-within-stream", "longer than the stream keeps events", {
    project: projectOf({ ship: ship({ maxAge: "8d" }) }),
  }, [/^age-within-stream warning: ship accepts events of up to 8d, and the stream ORDERS keeps them for 7d/]],
  ["unpublished-events", "an event without a publisher", {
    project: projectOf({ ship: ship({ on: Sent, emits: [] } as never) }),
  }, [/^unpublished-events info: ship listens to "orders\.sent"/]],
  ["unpublished-events", "an event that a function emits", {
    project: projectOf({ ship: ship(), tell: ship({ on: Sent, emits: [] } as never) }, [Made]),
  }, []],
]);

for (
  const [what, options, attempts, inStream] of [
    ["the defaults", { timeout: FUNCTION_DEFAULTS.timeout }, "84s", "84s"],
    [
      "delays that full jitter may shorten",
      {
        timeout: "1s",
        retry: { attempts: 3, initial: "1m", max: "1m" },
      },
      "122s",
      "12s",
    ],
    [
      "delays outside of the stream",
      {
        timeout: "1s",
        retry: { attempts: 3, initial: "1m", max: "1m", jitter: "none" },
      },
      "122s",
      "1s",
    ],
    [
      "growing delays, of which the last are outside",
      {
        timeout: "1s",
        retry: { attempts: 5, initial: "2s", max: "1h", factor: 2, jitter: "none" },
      },
      "34s",
      "9s",
    ],
    [
      "a million attempts",
      {
        timeout: "1s",
        retry: { attempts: 1e6 + 1, initial: "1s", max: "1s" },
      },
      "556h",
      "556h",
    ],
  ] as const
) {
  Deno.test(`function-age and retry-horizon: the time of ${what}`, () => {
    const project = projectOf({ ship: ship({ ...options, maxAge: "1ms" }) }, [orders({ maxAge: "1s" })]);
    const { findings } = examined({ project });
    const time = (check: string) => /may take (\w+)/.exec(findings.find((one) => one.check === check)!.what)![1];
    assert.deepEqual([time("function-age"), time("retry-horizon")], [attempts, inStream]);
  });
}

Deno.test("function-age and retry-horizon find nothing for a single attempt", () => {
  const once = ship({ maxAge: "1ms", retry: { attempts: 1 } });
  const { findings } = examined({ project: projectOf({ ship: once }, [orders({ maxAge: "1s" })]), config: configOf() });
  assert.deepEqual(findings.filter(({ check }) => check === "function-age" || check === "retry-horizon"), []);
});
