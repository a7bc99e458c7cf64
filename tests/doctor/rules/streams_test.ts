import { defineStream } from "weir";
import type { Facts } from "../../../runtime/doctor/facts.ts";
import { configOf, consumer, projectOf, serverProbe, ship, stream, streams, testRules } from "../facts.ts";

/** The facts of a server that is not in a cluster. */
const SINGLE_SERVER: Partial<Facts> = {
  connection: {
    value: { server: "a", version: "2.15.1", cluster: undefined, maxPayload: 1_048_576, encrypted: false },
  },
  servers: [serverProbe("a", { cluster: undefined })],
};
const ONE_REPLICA = { num_replicas: 1 };
const singleReplicas = streams(
  ...["ORDERS", "DEAD_LETTERS", "RETRIES", "KV_weir_attempts"].map((name) => stream(name, ONE_REPLICA)),
);
const workQueue = streams(stream("ORDERS", { retention: "workqueue" as never }));

testRules([
  ["duplicate-window", "too short", { streams: streams(stream("ORDERS", { duplicate_window: 19e9 })) }, [
    /^duplicate-window warning: the stream ORDERS has a duplicate window of 19s; 20s is needed/,
  ]],
  ["duplicate-window", "too short in DEAD_LETTERS", {
    streams: streams(stream("DEAD_LETTERS", { duplicate_window: 1e9 })),
  }, [/^duplicate-window warning: the stream DEAD_LETTERS has a duplicate window of 1s/]],
  ["duplicate-window", "just long enough", { streams: streams(stream("ORDERS", { duplicate_window: 20e9 })) }, []],
  ["duplicate-window", "shorter than the longest retry, in a work queue", {
    streams: streams(stream("ORDERS", { retention: "workqueue" as never, duplicate_window: 90e9 })),
  }, [/^duplicate-window warning: .*90s; functions may emit to this work queue again after 95s/]],
  ["discard-old", "with a limit", {
    streams: streams(stream("ORDERS", { discard: "old" as never, max_bytes: 1e9 })),
  }, [/^discard-old warning: the stream ORDERS .*\(max_bytes 1000000000\)/]],
  ["discard-old", "without a limit", { streams: streams(stream("ORDERS", { discard: "old" as never })) }, []],
  ["stream-limits", "more than 80 % full", {
    streams: streams(stream("ORDERS", { max_msgs: 1_000 }, { messages: 820 })),
  }, [/^stream-limits warning: the stream ORDERS is 82 % full: 820 of 1000 messages/]],
  ["stream-limits", "80 % full", { streams: streams(stream("ORDERS", { max_msgs: 1_000 }, { messages: 800 })) }, []],
  ["stream-limits", "full", { streams: streams(stream("ORDERS", { max_bytes: 2_048 }, { bytes: 2_048 })) }, [
    /^stream-limits error: the stream ORDERS is 100 % full: 2 KiB of 2 KiB/,
  ]],
  ["message-size", "below that of the server", { streams: streams(stream("RETRIES", { max_msg_size: 65_536 })) }, [
    /^message-size warning: the stream RETRIES accepts messages of up to 64 KiB, and the server of up to 1 MiB/,
  ]],
  ["memory", "undeclared", { streams: streams(stream("ORDERS", { storage: "memory" as never })) }, [
    /^memory warning: the stream ORDERS/,
  ]],
  ["memory", "declared", {
    streams: streams(stream("ORDERS", { storage: "memory" as never })),
    project: projectOf({ ship: ship() }, [defineStream({ name: "ORDERS", storage: "memory" })]),
  }, [/^memory info: /]],
  ["accepts-events", "no_ack", { streams: streams(stream("ORDERS", { no_ack: true })) }, [
    /^accepts-events error: .*no_ack/,
  ]],
  ["accepts-events", "a mirror", { streams: streams(stream("ORDERS", { mirror: { name: "X" } })) }, [
    /^accepts-events error: .*a mirror/,
  ]],
  ["own-retention", "DEAD_LETTERS as a work queue", {
    streams: streams(stream("DEAD_LETTERS", { retention: "workqueue" as never })),
  }, [/^own-retention error: .*DEAD_LETTERS has retention workqueue and should have limits/]],
  ["own-age", "DEAD_LETTERS with a max_age", { streams: streams(stream("DEAD_LETTERS", { max_age: 86_400e9 })) }, [
    /^own-age warning: .*1d/,
  ]],
  ["own-age", "RETRIES with a max_age", { streams: streams(stream("RETRIES", { max_age: 60e9 })) }, [
    /^own-age error: .*RETRIES.*1m/,
  ]],
  ["own-limits", "DEAD_LETTERS that discards old messages", {
    streams: streams(stream("DEAD_LETTERS", { discard: "old" as never, max_msgs_per_subject: 1 })),
  }, [/^own-limits error: .*\(max_msgs_per_subject 1\)/]],
  ["schedules", "not allowed", { streams: streams(stream("RETRIES", { allow_msg_schedules: false })) }, [
    /^schedules error: /,
  ]],
  ["replicas", "one in a cluster", { streams: streams(stream("KV_weir_attempts", ONE_REPLICA)) }, [
    /^replicas warning: the cluster has 3 servers, and these streams have one replica: KV_weir_attempts/,
    /^sync info: these streams have one replica/,
  ]],
  ["sync", "one server", { streams: singleReplicas, ...SINGLE_SERVER }, [
    /^sync info: these streams have one replica, on one disk: ORDERS, DEAD_LETTERS/,
  ]],
  ["replicas", "a fresh cluster without WEIR_REPLICAS", {
    streams: { value: new Map() },
    consumers: { value: [] },
  }, [/^replicas warning: .* would be created with one replica/, /^sync info: .*ORDERS \(not created yet\)/]],
  ["replicas-possible", "more replicas than servers", { config: configOf({ WEIR_REPLICAS: "5" }) }, [
    /^replicas-possible error: WEIR_REPLICAS is 5, and there are 3 servers/,
  ]],
  ["replicas-possible", "more replicas than servers with JetStream", {
    config: configOf({ WEIR_REPLICAS: "3" }),
    servers: ["a", "b", "c"].map((name) => serverProbe(name, { jetstream: name !== "c" })),
  }, [/^replicas-possible error: WEIR_REPLICAS is 3, and there are 2 servers/]],
  ["replicas-possible", "more replicas than the one server", {
    config: configOf({ WEIR_REPLICAS: "3" }),
    ...SINGLE_SERVER,
  }, [/^replicas-possible error: WEIR_REPLICAS is 3, and there is one server/]],
  ["work-queue", "two functions on one subject", {
    project: projectOf({ ship: ship(), bill: ship() }),
    streams: workQueue,
  }, [/^work-queue error: ORDERS is a work queue, and both (ship|bill) and (ship|bill) listen to orders\.made/]],
  ["work-queue", "a consumer of another client", {
    streams: workQueue,
    consumers: { value: [consumer("theirs", { filter_subject: "orders.*" })] },
  }, [/^work-queue error: .* and the consumer theirs listen to orders\.made/]],
  ["interest", "on a stream of events", { streams: streams(stream("ORDERS", { retention: "interest" as never })) }, [
    /^interest warning: /,
  ]],
]);
