import assert from "node:assert/strict";
import { defineStream } from "weir";
import type { Facts } from "../../runtime/doctor/facts.ts";
import { configOf, consumer, greeting, lines, projectOf, ship, stream, streams } from "./facts.ts";

const alone = { server: "a", version: "2.15.1", cluster: undefined, maxPayload: 1_048_576, encrypted: false };
const single = { connection: { value: alone }, servers: [greeting("a", { cluster: undefined })] };
const ONE = { num_replicas: 1 };
const oneReplica = streams(
  ...["ORDERS", "DEAD_LETTERS", "RETRIES", "KV_weir_attempts"].map((name) => stream(name, ONE)),
);
const own = (config: Parameters<typeof consumer>[1], more = {}): Partial<Facts> => ({
  consumers: { value: [consumer("ship", config, { name: "ship", ...more })] },
});
const limits = { max_storage: -1, max_memory: -1, max_streams: -1, max_consumers: -1, max_bytes_required: false };
const account = (given: object, its: object) =>
  ({
    account: { value: { storage: 0, memory: 0, streams: 0, consumers: 0, limits: { ...limits, ...its }, ...given } },
  }) as unknown as Partial<Facts>;

const cases: [what: string, given: Partial<Facts>, found: RegExp[]][] = [
  [
    "a server of NATS_URL that is away",
    {
      servers: [greeting("a"), greeting("b"), greeting("c"), {
        address: "d:4222",
        configured: true,
        problem: "refused",
      }],
    },
    [/^all-servers warning: d:4222 of NATS_URL does not answer: refused/],
  ],
  [
    "a password in clear",
    { config: configOf({ NATS_URL: "nats://nats:4222", NATS_USER: "u", NATS_PASSWORD: "p" }) },
    [/^encryption warning: the connection to nats:4222 is not encrypted, and a password or token/],
  ],
  ["no password in clear", { config: configOf({ NATS_URL: "nats://nats:4222" }) }, [/^encryption info: /]],
  [
    "servers of two versions",
    { servers: [greeting("a"), greeting("b", { version: "2.12.3" }), greeting("c")] },
    [/^versions warning: servers are of 2 versions: 2\.15\.1 \(a, c\); 2\.12\.3 \(b\)/],
  ],
  ["a clock that is a second off", { clock: { value: { aheadMs: 1_100, withinMs: 200 } } }, []],
  ["a clock that is more off", { clock: { value: { aheadMs: -1_300, withinMs: 200 } } }, [
    /^clock warning: .*1300ms behind/,
  ]],
  ["a clock that is far off", { clock: { value: { aheadMs: 65_000, withinMs: 1 } } }, [/^clock error: .*65s ahead of/]],
  ["what could not be read", { unread: ["the stream ORDERS: no"] }, [
    /^looked-at warning: not checked: the stream ORDERS/,
  ]],
  [
    "ids forgotten too soon",
    { streams: streams(stream("ORDERS", { duplicate_window: 19e9 })) },
    [/^duplicate-window warning: the stream ORDERS remembers ids for 19s; 20s is needed/],
  ],
  [
    "ids of dead letters forgotten too soon",
    { streams: streams(stream("DEAD_LETTERS", { duplicate_window: 1e9 })) },
    [/^duplicate-window warning: the stream DEAD_LETTERS remembers ids for 1s/],
  ],
  ["ids kept just long enough", { streams: streams(stream("ORDERS", { duplicate_window: 20e9 })) }, []],
  [
    "a work queue, in which the window is all there is",
    { streams: streams(stream("ORDERS", { retention: "workqueue" as never, duplicate_window: 90e9 })) },
    [/^duplicate-window warning: .*90s; of a work queue's emitters a repeat may come after 95s/],
  ],
  [
    "old events dropped when it is full",
    { streams: streams(stream("ORDERS", { discard: "old" as never, max_bytes: 1e9 })) },
    [/^discard-old warning: the stream ORDERS .*\(max_bytes 1000000000\)/],
  ],
  ["`discard: old` without a limit", { streams: streams(stream("ORDERS", { discard: "old" as never })) }, []],
  [
    "a stream that is nearly full",
    { streams: streams(stream("ORDERS", { max_msgs: 1_000 }, { messages: 820 })) },
    [/^stream-limits warning: the stream ORDERS is 82 % full: 820 of 1000 messages/],
  ],
  ["one that is not", { streams: streams(stream("ORDERS", { max_msgs: 1_000 }, { messages: 800 })) }, []],
  [
    "one that is full",
    { streams: streams(stream("ORDERS", { max_bytes: 2_048 }, { bytes: 2_048 })) },
    [/^stream-limits error: the stream ORDERS is 100 % full: 2 KiB of 2 KiB/],
  ],
  [
    "a stream that takes less than the server",
    { streams: streams(stream("RETRIES", { max_msg_size: 65_536 })) },
    [/^message-size warning: the stream RETRIES takes messages of up to 64 KiB, and the server of up to 1 MiB/],
  ],
  ["memory", { streams: streams(stream("ORDERS", { storage: "memory" as never })) }, [
    /^memory warning: the stream ORDERS/,
  ]],
  [
    "memory that was asked for",
    {
      streams: streams(stream("ORDERS", { storage: "memory" as never })),
      project: projectOf({ ship: ship() }, [defineStream({ name: "ORDERS", storage: "memory" })]),
    },
    [/^memory info: /],
  ],
  ["a stream that does not answer", { streams: streams(stream("ORDERS", { no_ack: true })) }, [
    /^takes-events error: .*no_ack/,
  ]],
  ["a mirror", { streams: streams(stream("ORDERS", { mirror: { name: "X" } })) }, [/^takes-events error: .*mirrors/]],
  [
    "dead letters that go when they are read",
    { streams: streams(stream("DEAD_LETTERS", { retention: "workqueue" as never })) },
    [/^own-retention error: .*DEAD_LETTERS has retention workqueue and should have limits/],
  ],
  ["dead letters that grow old", { streams: streams(stream("DEAD_LETTERS", { max_age: 86_400e9 })) }, [
    /^own-age warning: .*1d/,
  ]],
  ["retries that grow old", { streams: streams(stream("RETRIES", { max_age: 60e9 })) }, [
    /^own-age error: .*RETRIES.*1m/,
  ]],
  [
    "dead letters of which the oldest go",
    { streams: streams(stream("DEAD_LETTERS", { discard: "old" as never, max_msgs_per_subject: 1 })) },
    [/^own-limits error: .*\(max_msgs_per_subject 1\)/],
  ],
  [
    "a RETRIES without schedules",
    { streams: streams(stream("RETRIES", { allow_msg_schedules: false })) },
    [/^schedules error: /],
  ],
  [
    "one replica in a cluster",
    { streams: streams(stream("KV_weir_attempts", ONE)) },
    [/^replicas warning: the cluster has 3 servers, and one replica has: KV_weir_attempts/, /^sync info: one replica/],
  ],
  ["one replica of one server", { streams: oneReplica, ...single }, [
    /^sync info: one replica, .*: ORDERS, DEAD_LETTERS/,
  ]],
  [
    "a fresh cluster and no replicas wanted",
    { streams: { value: new Map() }, consumers: { value: [] } },
    [/^replicas warning: .* would be made with one replica/, /^sync info: .*ORDERS \(to be made\)/],
  ],
  [
    "more replicas than servers",
    { config: configOf({ WEIR_REPLICAS: "5" }) },
    [/^replicas-possible error: WEIR_REPLICAS is 5, and there are 3 servers/],
  ],
  [
    "more replicas than servers with JetStream",
    {
      config: configOf({ WEIR_REPLICAS: "3" }),
      servers: ["a", "b", "c"].map((name) => greeting(name, { jetstream: name !== "c" })),
    },
    [/^replicas-possible error: WEIR_REPLICAS is 3, and there are 2 servers/],
  ],
  [
    "replicas of one server",
    { config: configOf({ WEIR_REPLICAS: "3" }), ...single },
    [/^replicas-possible error: WEIR_REPLICAS is 3, and there is one server/],
  ],
  [
    "two functions on one subject of a work queue",
    {
      project: projectOf({ ship: ship(), bill: ship() }),
      streams: streams(stream("ORDERS", { retention: "workqueue" as never })),
    },
    [/^work-queue error: ORDERS is a work queue, and both (ship|bill) and (ship|bill) want orders\.made/],
  ],
  [
    "a stranger in a work queue",
    {
      streams: streams(stream("ORDERS", { retention: "workqueue" as never })),
      consumers: { value: [consumer("theirs", { filter_subject: "orders.*" })] },
    },
    [/^work-queue error: .* and the consumer theirs want orders\.made/],
  ],
  ["interest", { streams: streams(stream("ORDERS", { retention: "interest" as never })) }, [/^interest warning: /]],
  ["a short ack_wait", own({ ack_wait: 10e9 }), [
    /^ack-wait error: the consumer ship on ORDERS has an ack_wait of 10s/,
  ]],
  ["a long ack_wait", own({ ack_wait: 30e9 }), [/^ack-wait warning: /]],
  ["limited deliveries", own({ max_deliver: 5 }), [/^max-deliver warning: .* max_deliver 5/]],
  ["a quick backoff of the server's", own({ backoff: [1e9, 30e9] }), [/^server-backoff error: .*: 1s, 30s/]],
  ["a slow backoff of the server's", own({ backoff: [15e9] }), [/^server-backoff warning: /]],
  ["a consumer that pushes", own({ deliver_subject: "here" }), [/^kind error: .* pushes to here/]],
  ["a consumer without acks", own({ ack_policy: "none" as never }), [/^kind error: .* ack policy none/]],
  ["a pause", own({ pause_until: "2027-01-01T00:00:00Z" }, { paused: true }), [/^paused warning: .* until 2027-01-01/]],
  ["a pause that is over", own({ pause_until: "2020-01-01T00:00:00Z" }, { paused: false }), []],
  ["few places", own({ max_ack_pending: 10 }), [
    /^places warning: .* hands out 10 events at once, and one process runs 16/,
  ]],
  [
    "few places for many workers",
    { ...own({ max_ack_pending: 40 }), config: configOf({ WEIR_WORKERS: "3" }) },
    [/^places warning: .* 40 events at once, and one process runs 48 \(concurrency 16, 3 workers\)/],
  ],
  ["places without a limit", own({ max_ack_pending: -1 }), []],
  ["pulls that are refused", own({ max_batch: 8, max_expires: 1e9 }), [
    /^pull-limits error: .*more than 8 .*more than 1s/,
  ]],
  ["a consumer that goes by itself", own({ inactive_threshold: 300e9 }), [
    /^kept warning: .* removed after 5m without/,
  ]],
  [
    "the consumer of a function that is gone",
    { consumers: { value: [consumer("gone", {}, { stream_name: "RETRIES", num_pending: 4 })] } },
    [/^strangers info: RETRIES has a consumer gone, .*\(4 wait for it\)/],
  ],
  ["a consumer of others on a stream of events", { consumers: { value: [consumer("audit", { max_deliver: 3 })] } }, []],
  ["an account nearly full", account({ storage: 90 }, { max_storage: 100 }), [
    /^account-limits warning: .* 90 % of its storage/,
  ]],
  ["an account that is full", account({ streams: 5 }, { max_streams: 5 }), [
    /^account-limits error: .* 100 % of its streams/,
  ]],
  [
    "a tier that is full",
    account({
      tiers: { R3: { storage: 9, memory: 0, streams: 0, consumers: 0, limits: { ...limits, max_storage: 10 } } },
    }, {}),
    [/^account-limits warning: .* storage \(tier R3\): 9 bytes of 10 bytes/],
  ],
  [
    "an account that wants sizes",
    {
      ...account({}, { max_bytes_required: true }),
      project: projectOf({ ship: ship() }, [
        defineStream({ name: "CARTS" }),
        defineStream({ name: "SIZED", maxBytes: 1_000 }),
      ]),
    },
    [/^sync info: .*CARTS \(to be made\)/, /^sized-streams error: .* CARTS declares none/],
  ],
  [
    "dead letters",
    {
      deadLetters: {
        value: { count: 120, oldestAt: "2026-11-20T10:00:00Z", read: 100, reasons: { rejected: 99, expired: 1 } },
      },
    },
    [/^dead-letters info: 120 dead letters wait, the oldest since 2026-11-20T10:00:00Z: 99 rejected, 1 expired \(of the first 100\)/],
  ],
  ["delayed retries", { delayedRetries: { value: new Map([["ship", 3]]) } }, [
    /^delayed-retries info: delayed retries: 3 of ship/,
  ]],
];
for (const [what, given, expected] of cases) {
  Deno.test(`cluster: ${what}`, () => {
    const found = lines(given);
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.match(found[i], pattern);
  });
}
