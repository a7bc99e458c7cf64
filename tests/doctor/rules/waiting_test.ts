import { defineStream } from "weir";
import type { Facts } from "../../../runtime/doctor/facts.ts";
import { NO_LIMITS, projectOf, ship, testRules } from "../facts.ts";

const account = (usage: object, limits: object) =>
  ({
    account: {
      value: { storage: 0, memory: 0, streams: 0, consumers: 0, limits: { ...NO_LIMITS, ...limits }, ...usage },
    },
  }) as unknown as Partial<Facts>;

testRules([
  ["account-limits", "nearly reached", account({ storage: 90 }, { max_storage: 100 }), [
    /^account-limits warning: .* 90 % of its storage/,
  ]],
  ["account-limits", "reached", account({ streams: 5 }, { max_streams: 5 }), [
    /^account-limits error: .* 100 % of its streams/,
  ]],
  [
    "account-limits",
    "nearly reached in a tier",
    account({
      tiers: { R3: { storage: 9, memory: 0, streams: 0, consumers: 0, limits: { ...NO_LIMITS, max_storage: 10 } } },
    }, {}),
    [/^account-limits warning: .* storage \(tier R3\): 9 bytes of 10 bytes/],
  ],
  ["sized-streams", "a stream without max_bytes", {
    ...account({}, { max_bytes_required: true }),
    project: projectOf({ ship: ship() }, [
      defineStream({ name: "CARTS" }),
      defineStream({ name: "SIZED", maxBytes: 1_000 }),
    ]),
  }, [/^sync info: .*CARTS \(not created yet\)/, /^sized-streams error: .* CARTS declares none/]],
  ["waiting-events", "events that a schema refuses", { changes: { value: ["ship: 2 of 5 events are refused"] } }, [
    /^waiting-events warning: ship: 2 of 5 events are refused$/,
  ]],
  ["dead-letters", "counted by reason", {
    deadLetters: {
      value: { count: 120, oldestAt: "2026-11-20T10:00:00Z", read: 100, reasons: { rejected: 99, expired: 1 } },
    },
  }, [
    /^dead-letters info: 120 dead letters, the oldest of 2026-11-20T10:00:00Z: 99 rejected, 1 expired \(of the first 100\)/,
  ]],
  ["delayed-retries", "counted by function", { delayedRetries: { value: new Map([["ship", 3]]) } }, [
    /^delayed-retries info: delayed retries: 3 of ship/,
  ]],
]);
