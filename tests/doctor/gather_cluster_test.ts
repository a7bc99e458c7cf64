import assert from "node:assert/strict";
import { headers } from "@nats-io/transport-node";
import { TestCluster } from "../chaos/cluster.ts";
import { startBroker } from "../support/nats.ts";
import { durablesOf } from "../../runtime/nats/consume/resources.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { desired } from "../support/desired.ts";
import { eventually } from "../support/eventually.ts";
import { assertFindings, createTopology, diagnose, project } from "./diagnose.ts";

const S = 1e9;

Deno.test("doctor finds only `sync` in what Weir created on a fresh server", async () => {
  await using broker = await startBroker();
  assertFindings(await diagnose(broker.server.url), []);
  await createTopology(broker.jsm);
  const found = await diagnose(broker.server.url);
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(
    found[0],
    /^sync info: these streams have one replica, on one disk: (ORDERS, PARCELS|PARCELS, ORDERS), DEAD_LETTERS, RETRIES/,
  );
});

Deno.test("gatherCluster changes no stream and no consumer", async () => {
  await using broker = await startBroker();
  await createTopology(broker.jsm);
  const all = async () => {
    const streams = await Array.fromAsync(broker.jsm.streams.list(), ({ config, state }) => ({ config, state }));
    const consumers = await Array.fromAsync(broker.jsm.consumers.list("ORDERS"), ({ config }) => config);
    return { streams: streams.sort((a, b) => a.config.name.localeCompare(b.config.name)), consumers };
  };
  const before = await all();
  await diagnose(broker.server.url);
  assert.deepEqual(await all(), before);
});

Deno.test("doctor finds the traps in streams and consumers that were created by hand", async () => {
  await using broker = await startBroker();
  const { jsm, nc } = broker;
  await jsm.streams.add({ name: "RETRIES", subjects: ["retries.>"], retention: "limits" as never, max_age: 3_600 * S });
  await jsm.streams.add({
    name: "DEAD_LETTERS",
    subjects: ["dead_letters.>"],
    discard: "old" as never,
    max_age: 86_400 * S,
    max_bytes: 1_000_000,
  });
  await jsm.streams.add({
    name: "ORDERS",
    subjects: ["orders.>"],
    discard: "old" as never,
    max_msgs: 10,
    max_age: 5 * S,
    duplicate_window: 5 * S,
    max_msg_size: 1_000,
  });
  await jsm.consumers.add("ORDERS", {
    durable_name: "ship",
    ack_policy: "explicit" as never,
    filter_subject: "orders.made",
    max_deliver: 3,
    backoff: [1 * S, 60 * S],
    max_ack_pending: 5,
    max_batch: 2,
    inactive_threshold: 600 * S,
    pause_until: new Date(Date.now() + 3_600_000).toISOString(),
  });
  await jsm.consumers.add("RETRIES", { durable_name: "gone", ack_policy: "explicit" as never });
  await nc.flush();
  const found = await diagnose(broker.server.url);
  assertFindings(found, [
    /^retry-horizon error: .* ORDERS, which keeps events for 5s/,
    /^duplicate-window warning: the stream ORDERS has a duplicate window of 5s/,
    /^discard-old warning: the stream ORDERS .*max_msgs 10/,
    /^message-size warning: the stream ORDERS/,
    /^own-retention error: .*RETRIES has retention limits/,
    /^own-age error: .*RETRIES .*1h/,
    /^own-age warning: .*DEAD_LETTERS .*1d/,
    /^own-limits error: .*DEAD_LETTERS .*max_bytes/,
    /^schedules error: /,
    /^ack-wait error: .* ack_wait of 1s/,
    /^max-deliver warning: .* 3/,
    /^server-backoff error: .*1s, 1m/,
    /^max-ack-pending warning: .* max_ack_pending 5, and one process handles 16/,
    /^pull-limits error: .* more than 2 events/,
    /^inactive-threshold warning: .* after 10m/,
    /^paused warning: /,
  ]);
  assert.ok(found.some((one) => /^orphans info: RETRIES has a consumer gone/.test(one)), found.join("\n"));
});

Deno.test("doctor finds nothing in a consumer that a start has reset", async () => {
  await using broker = await startBroker();
  await createTopology(broker.jsm);
  await broker.jsm.consumers.update("ORDERS", "ship", { ack_wait: 60 * S, max_deliver: 3 });
  assertFindings(await diagnose(broker.server.url), [/^ack-wait warning: .* 1m/, /^max-deliver warning: /]);
  await createTopology(broker.jsm);
  assertFindings(await diagnose(broker.server.url), []);
});

Deno.test("doctor finds a push consumer of another client in a work queue", async () => {
  await using broker = await startBroker();
  const { jsm } = broker;
  await jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], retention: "workqueue" as never });
  await jsm.consumers.add("ORDERS", {
    durable_name: "theirs",
    ack_policy: "explicit" as never,
    filter_subject: "orders.*",
    deliver_subject: "there",
  });
  assertFindings(await diagnose(broker.server.url), [
    /^work-queue error: ORDERS .* ship and the consumer theirs listen to orders\.made/,
  ]);
  await assert.rejects(createTopology(jsm), /filtered consumer not unique|10100/);
});

Deno.test("gatherCluster counts dead letters by reason", async () => {
  await using broker = await startBroker();
  await createTopology(broker.jsm);
  for (const reason of ["rejected", "rejected", "expired"]) {
    const hdrs = headers();
    hdrs.set("weir-reason", reason);
    hdrs.set("weir-time", "2026-11-20T10:00:00.000Z");
    await broker.nc.request("dead_letters.ship.orders.made", "{}", { headers: hdrs, timeout: 2_000 });
  }
  const found = await diagnose(broker.server.url);
  assert.ok(
    found.includes(
      "dead-letters info: 3 dead letters, the oldest of 2026-11-20T10:00:00.000Z: " +
        "2 rejected, 1 expired",
    ),
    found.join("\n"),
  );
});

Deno.test("doctor finds streams with one replica, and too many replicas, in a cluster of three", async () => {
  await using cluster = await TestCluster.start();
  await createTopology(cluster.jsm);
  const found = await diagnose(cluster.urls.slice(0, 1), { WEIR_REPLICAS: "5" });
  assertFindings(found, [
    /^replicas warning: the cluster has 3 servers, and these streams have one replica: .*ORDERS/,
    /^replicas-possible error: WEIR_REPLICAS is 5, and there are 3 servers/,
  ]);
});

Deno.test("doctor finds replicas that are down, and a cluster without a majority", async () => {
  await using cluster = await TestCluster.start();
  await ensureTopology(cluster.jsm, { ...desired(project.streams, durablesOf(project.functions)), replicas: 3 });
  await eventually(async () => !(await diagnose(cluster.urls)).some((one) => /^(leaders|replicas-current)/.test(one)));
  await cluster.nodes.get("n3")!.kill();
  await eventually(async () => {
    const found = await diagnose(cluster.urls);
    return found.some((one) => /^replicas-current warning: the stream ORDERS: .*n3/.test(one)) &&
      !found.some((one) => /^leaders/.test(one));
  });
  await cluster.nodes.get("n2")!.kill();
  // A server that led a stream takes some seconds to give that up.
  await eventually(async () => {
    const found = (await diagnose(cluster.urls)).filter((one) => /^leaders error: /.test(one)).join("\n");
    return ["ORDERS", "PARCELS", "DEAD_LETTERS", "RETRIES"].every((name) => found.includes(name));
  });
});
