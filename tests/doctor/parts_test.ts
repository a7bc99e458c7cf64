import assert from "node:assert/strict";
import { resolvePolicy } from "../../runtime/project/resolve_policy.ts";
import { greet } from "../../runtime/doctor/probe_server.ts";
import { horizonMs, inStreamMs } from "../../runtime/doctor/retry_horizon.ts";
import { roomy, size, span } from "../../runtime/doctor/format.ts";
import { Made } from "./facts.ts";

function policy(options: object) {
  const resolved = resolvePolicy({ on: Made, ...options });
  assert.ok(resolved.ok);
  return resolved.policy;
}

for (
  const [what, options, horizon, inStream] of [
    ["the defaults", {}, 4 * 30_000 + 3_750, 4 * 30_000 + 3_750],
    ["one attempt", { retry: { attempts: 1 } }, 0, 0],
    [
      "waits of which chance may make any short",
      { timeout: "1s", retry: { attempts: 3, initial: "1m", max: "1m" } },
      2 * 61_000,
      2 * 6_000,
    ],
    [
      "waits that are spent in RETRIES for certain, after the first attempt",
      { timeout: "1s", retry: { attempts: 3, initial: "1m", max: "1m", jitter: "none" } },
      2 * 61_000,
      1_000,
    ],
    [
      "waits that are spent in RETRIES once they have grown",
      { timeout: "1s", retry: { attempts: 5, initial: "2s", max: "1h", factor: 2, jitter: "none" } },
      4_000 + 2_000 + 4_000 + 8_000 + 16_000,
      3_000 + 2_000 + 4_000,
    ],
    ["very many", { timeout: "1s", retry: { attempts: 1e6 + 1, initial: "1s", max: "1s" } }, 2e9, 2e9],
  ] as const
) {
  Deno.test(`how long ${what} may take, and how much of it in the stream`, () => {
    assert.equal(horizonMs(policy(options)), horizon);
    assert.equal(inStreamMs(policy(options)), inStream);
  });
}

Deno.test("spans and sizes are said as a person would", () => {
  assert.deepEqual([0, 950, 12_345, 83_750, 3_601_000, 86_400_000].map(span), [
    "0ms",
    "950ms",
    "13s",
    "84s",
    "61m",
    "1d",
  ]);
  assert.deepEqual([1_000, 124_000, 7 * 86_400_000].map(roomy), ["1m", "5m", "14d"]);
  assert.deepEqual([12, 2_048, 1_572_864, 2 ** 30].map(size), ["12 bytes", "2 KiB", "1.5 MiB", "1 GiB"]);
});

Deno.test("a server that says nothing, as one that wants TLS first does, is not waited for", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { problem } = await greet(`127.0.0.1:${(listener.addr as Deno.NetAddr).port}`, true);
  assert.match(problem!, /no greeting within 1000 ms/);
  (await accepted).close();
});
