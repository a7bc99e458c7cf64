import type { Facts } from "../../../runtime/doctor/facts.ts";
import { configOf, consumer, projectOf, ship, stream, streams, testRules } from "../facts.ts";

const own = (config: Parameters<typeof consumer>[1], info = {}): Partial<Facts> => ({
  consumers: { value: [consumer("ship", config, { name: "ship", ...info })] },
});

testRules([
  ["ack-wait", "too short", own({ ack_wait: 10e9 }), [
    /^ack-wait error: the consumer ship on ORDERS has an ack_wait of 10s/,
  ]],
  ["ack-wait", "too long", own({ ack_wait: 30e9 }), [/^ack-wait warning: /]],
  ["max-deliver", "set", own({ max_deliver: 5 }), [/^max-deliver warning: .* max_deliver 5/]],
  ["server-backoff", "short", own({ backoff: [1e9, 30e9] }), [/^server-backoff error: .*: 1s, 30s/]],
  ["server-backoff", "long", own({ backoff: [15e9] }), [/^server-backoff warning: /]],
  ["kind", "a push consumer", own({ deliver_subject: "here" }), [/^kind error: .* pushes to here/]],
  ["kind", "no acks", own({ ack_policy: "none" as never }), [/^kind error: .* ack policy none/]],
  ["kind", "headers only", own({ headers_only: true }), [/^kind error: .* delivers headers only/]],
  ["filters", "without one of a trigger", own({ filter_subjects: ["orders.sent"] }), [
    /^filters error: the consumer ship on ORDERS has the filters orders.sent and should have orders.made$/,
  ]],
  ["filters", "with one of no trigger", own({ filter_subjects: ["orders.made", "orders.sent"] }), [
    /^filters warning: .* orders.made, orders.sent and should have orders.made$/,
  ]],
  ["filters", "of subjects that the stream rewrites", {
    ...own({ filter_subjects: ["orders.made"] }),
    streams: streams(stream("ORDERS", { subject_transform: { src: "orders.*", dest: "old.{{wildcard(1)}}" } })),
  }, [/^filters error: .* subject_transform stores orders.\* as old.{{wildcard\(1\)}}, which orders.made does not/]],
  ["paused", "until next year", own({ pause_until: "2027-01-01T00:00:00Z" }, { paused: true }), [
    /^paused warning: .* until 2027-01-01/,
  ]],
  ["paused", "until a time that has passed", own({ pause_until: "2020-01-01T00:00:00Z" }, { paused: false }), []],
  ["max-ack-pending", "below the concurrency", own({ max_ack_pending: 10 }), [
    /^max-ack-pending warning: .* has max_ack_pending 10, and one process handles 16 events at a time/,
  ]],
  ["max-ack-pending", "below the concurrency of all workers", {
    ...own({ max_ack_pending: 40 }),
    config: configOf({ WEIR_WORKERS: "3" }),
  }, [/^max-ack-pending warning: .* 40, and one process handles 48 .*\(concurrency 16, 3 workers\)/]],
  ["max-ack-pending", "below the batches of one process", {
    ...own({}),
    project: projectOf({ ship: ship({ batch: { size: 600 } } as object) }),
  }, [/^max-ack-pending warning: .* 1000, and one process handles 1200 .*\(2 batches of 600, 1 worker\)/]],
  ["max-ack-pending", "without a limit", own({ max_ack_pending: -1 }), []],
  ["pull-limits", "below Weir's requests", own({ max_batch: 8, max_expires: 1e9 }), [
    /^pull-limits error: .*more than 8 .*more than 1s/,
  ]],
  ["inactive-threshold", "set", own({ inactive_threshold: 300e9 }), [
    /^inactive-threshold warning: .* deleted after 5m without/,
  ]],
  ["inactive-threshold", "a consumer in memory", own({ mem_storage: true }), [
    /^inactive-threshold warning: .* is stored in memory/,
  ]],
  ["orphans", "the consumer of a removed function", {
    consumers: { value: [consumer("gone", {}, { stream_name: "RETRIES", num_pending: 4 })] },
  }, [/^orphans info: RETRIES has a consumer gone, .*\(4 pending\)/]],
  ["partitions", "events in a partition that a function has no more", {
    consumers: { value: [consumer("ship@3", {}, { stream_name: "RETRIES", num_pending: 1, num_ack_pending: 1 })] },
  }, [/^partitions error: 2 events wait in partition 3 of ship, which has no partitions/]],
  ["orphans", "a consumer of a former partition in which nothing waits", {
    consumers: { value: [consumer("ship@3", {}, { stream_name: "RETRIES", num_pending: 0, num_ack_pending: 0 })] },
  }, [/^orphans info: RETRIES has a consumer ship@3/]],
  ["orphans", "a consumer of another client on a stream of events", {
    consumers: { value: [consumer("audit", { max_deliver: 3 })] },
  }, []],
]);
