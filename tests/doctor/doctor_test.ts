import assert from "node:assert/strict";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { defineEvent, defineFunction, NonRetryableError, RetryAfterError } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";
import { startServer } from "../../runtime/nats_server/server.ts";
import { readConfig } from "../../runtime/app/config.ts";
import { gatherCluster } from "../../runtime/doctor/gather_cluster.ts";
import { examine } from "../../runtime/doctor/rule.ts";
import { RULES } from "../../runtime/doctor/rules/all.ts";
import { durablesOf } from "../../runtime/nats/consume/resources.ts";
import { ensureTopology } from "../../runtime/nats/topology/ensure_topology.ts";
import { permissionsOf } from "../../runtime/nats/topology/permissions.ts";
import { resourcesOf } from "../../runtime/app/resources.ts";
import { desired } from "../support/desired.ts";
import { registryOf } from "../../runtime/testing/modules.ts";
import { TestCluster } from "../chaos/cluster.ts";
import { startBroker } from "../support/nats.ts";
import { eventually } from "../support/eventually.ts";
import { facts, line } from "./facts.ts";

const S = 1e9;
const Made = defineEvent({ type: "orders.made", version: 1, data: z.object({ n: z.int() }), ingress: {} });
const Sent = defineEvent({ type: "parcels.sent", version: 1, data: z.object({}) });
const ship = defineFunction({ on: Made, emits: [Sent], timeout: "10s", idempotency: true }, ({ data }, ctx) => {
  if (data.n < 0) throw new NonRetryableError("no such order");
  if (data.n === 0) throw new RetryAfterError("10m");
  ctx.emit(Sent, {});
});
const project = registryOf({ ship });

/** What doctor says of a server and this project. */
async function diagnose(url: string | readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const given: Record<string, string> = { NATS_URL: [url].flat().join(","), HOST: "127.0.0.1", ...env };
  const config = readConfig({ get: (name) => given[name], readFile: () => "" });
  const cluster = await gatherCluster(config, project);
  const { findings } = examine(facts({ config: { value: config }, project: { value: project }, ...cluster }), RULES);
  return findings.map(line);
}

const make = (jsm: JetStreamManager) => ensureTopology(jsm, desired(project.streams, durablesOf(project.functions)));

/** Each of these is said, and nothing else but for information. */
function assertSaid(said: readonly string[], expected: readonly RegExp[]): void {
  for (const pattern of expected) assert.ok(said.some((one) => pattern.test(one)), `${pattern}:\n${said.join("\n")}`);
  const others = said.filter((one) => !/^\S+ info:/.test(one) && !expected.some((pattern) => pattern.test(one)));
  assert.deepEqual(others, []);
}

Deno.test("of what Weir made on a fresh server nothing is said but that it has one disk", async () => {
  await using broker = await startBroker();
  assertSaid(await diagnose(broker.server.url), []);
  await make(broker.jsm);
  const said = await diagnose(broker.server.url);
  assert.equal(said.length, 1, said.join("\n"));
  assert.match(
    said[0],
    /^sync info: one replica, on one disk: (ORDERS, PARCELS|PARCELS, ORDERS), DEAD_LETTERS, RETRIES/,
  );
});

Deno.test("looking changes nothing: streams and consumers are as they were", async () => {
  await using broker = await startBroker();
  await make(broker.jsm);
  const all = async () => {
    const streams = await Array.fromAsync(broker.jsm.streams.list(), ({ config, state }) => ({ config, state }));
    const consumers = await Array.fromAsync(broker.jsm.consumers.list("ORDERS"), ({ config }) => config);
    return { streams: streams.sort((a, b) => a.config.name.localeCompare(b.config.name)), consumers };
  };
  const before = await all();
  await diagnose(broker.server.url);
  assert.deepEqual(await all(), before);
});

Deno.test("each trap that a server shows is found where it was planted by hand", async () => {
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
  const said = await diagnose(broker.server.url);
  assertSaid(said, [
    /^retry-horizon error: .* ORDERS, which keeps events for 5s/,
    /^duplicate-window warning: the stream ORDERS remembers ids for 5s/,
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
    /^places warning: .* 5 events at once, and one process runs 16/,
    /^pull-limits error: .* more than 2 events/,
    /^kept warning: .* after 10m/,
    /^paused warning: /,
  ]);
  assert.ok(said.some((one) => /^strangers info: RETRIES has a consumer gone/.test(one)), said.join("\n"));
});

Deno.test("what a start sets back is no longer said after it", async () => {
  await using broker = await startBroker();
  await make(broker.jsm);
  await broker.jsm.consumers.update("ORDERS", "ship", { ack_wait: 60 * S, max_deliver: 3 });
  assertSaid(await diagnose(broker.server.url), [/^ack-wait warning: .* 1m/, /^max-deliver warning: /]);
  await make(broker.jsm);
  assertSaid(await diagnose(broker.server.url), []);
});

Deno.test("a consumer that pushes and a work queue with a stranger in it are found", async () => {
  await using broker = await startBroker();
  const { jsm } = broker;
  await jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"], retention: "workqueue" as never });
  await jsm.consumers.add("ORDERS", {
    durable_name: "theirs",
    ack_policy: "explicit" as never,
    filter_subject: "orders.*",
    deliver_subject: "there",
  });
  assertSaid(await diagnose(broker.server.url), [
    /^work-queue error: ORDERS .* ship and the consumer theirs want orders\.made/,
  ]);
  await assert.rejects(make(jsm), /filtered consumer not unique|10100/);
});

Deno.test("dead letters are counted by their reason, without a consumer", async () => {
  await using broker = await startBroker();
  await make(broker.jsm);
  for (const reason of ["rejected", "rejected", "expired"]) {
    const hdrs = headers();
    hdrs.set("weir-reason", reason);
    hdrs.set("weir-time", "2026-11-20T10:00:00.000Z");
    await broker.nc.request("dead_letters.ship.orders.made", "{}", { headers: hdrs, timeout: 2_000 });
  }
  const said = await diagnose(broker.server.url);
  assert.ok(
    said.includes(
      "dead-letters info: 3 dead letters wait, the oldest since 2026-11-20T10:00:00.000Z: " +
        "2 rejected, 1 expired",
    ),
    said.join("\n"),
  );
});

Deno.test("in a cluster of three, one replica is found, and five are told to be impossible", async () => {
  await using cluster = await TestCluster.start();
  await make(cluster.jsm);
  const said = await diagnose(cluster.urls.slice(0, 1), { WEIR_REPLICAS: "5" });
  assertSaid(said, [
    /^replicas warning: the cluster has 3 servers, and one replica has: .*ORDERS/,
    /^replicas-possible error: WEIR_REPLICAS is 5, and there are 3 servers/,
  ]);
});

/** A server with a user of these permissions, and one that may do everything. */
async function restricted(permissions: object, log?: (line: string) => void) {
  const users = [{ user: "all", password: "p" }, { user: "shop", password: "p", permissions }];
  const accounts = { A: { jetstream: "enabled", users }, B: { users: [{ user: "none", password: "p" }] } };
  const config = `accounts: ${JSON.stringify(accounts)}`;
  return await startServer({ config, log });
}

Deno.test("with just what doctor says is needed, streams are made, and events are handled, delayed and dead-lettered", async () => {
  const needs = permissionsOf(resourcesOf(project), new Set());
  const allow = (
    action: string,
  ) => [...new Set(needs.filter((one) => one.action === action).map((one) => one.subject))];
  const publish = { allow: [...allow("publish"), "$SYS.REQ.USER.INFO", "$JS.API.INFO"] };
  const violations: string[] = [];
  const log = (said: string) => void (/Violation/.test(said) && violations.push(said));
  await using server = await restricted({ publish, subscribe: { allow: allow("subscribe") } }, log);
  const env = { NATS_USER: "shop", NATS_PASSWORD: "p" };
  {
    await using runtime = await startTestRuntime({ functions: { ship }, server, env });
    await runtime.publish(Made, { n: 1 });
    await runtime.publish(Made, { n: -1 });
    await runtime.publish(Made, { n: 0 });
    await eventually(async () => (await (await fetch(`${runtime.adminUrl}/functions`)).json())[0].pending === 0);
    const letters = await eventually(async () => {
      const all = await (await fetch(`${runtime.adminUrl}/dead-letters`)).json();
      return all.length === 1 ? all : undefined;
    });
    assert.equal(letters[0].reason, "rejected");
    await eventually(async () => (await (await fetch(`${runtime.adminUrl}/retries`)).json()).length === 1);
  }
  const nc = await connect({ servers: server.url, user: "all", pass: "p" });
  const sent = (await (await jetstreamManager(nc)).streams.info("PARCELS")).state.messages;
  await nc.close();
  assert.equal(sent, 1);
  assert.deepEqual(violations, []);
  const said = await diagnose(server.url, env);
  assert.deepEqual(said.filter((one) => one.startsWith("permissions ")), []);
});

Deno.test("a user who may not store dead letters or hear advisories is told so, before the first one", async () => {
  await using server = await restricted({
    publish: { allow: ["orders.>", "parcels.>", "retries.>", "$KV.>", "$JS.>", "_INBOX.>", "$SYS.REQ.USER.INFO"] },
    subscribe: { allow: ["_INBOX.>", "$WEIR.tail"] },
  });
  const said = await diagnose(server.url, { NATS_USER: "shop", NATS_PASSWORD: "p" });
  assertSaid(said, [
    /^permissions error: the NATS user shop may not publish dead_letters\.>, which Weir needs to store dead letters/,
    /^permissions warning: the NATS user shop may not subscribe \$JS\.EVENT\.ADVISORY\.CONSUMER\./,
  ]);
});

Deno.test("what a user may not even ask is told, and the other checks are made", async () => {
  await using server = await restricted({
    publish: { allow: ["$JS.API.INFO", "$JS.API.STREAM.INFO.ORDERS"] },
    subscribe: { allow: ["_INBOX.>"] },
  });
  const nc = await connect({ servers: server.url, user: "all", pass: "p" });
  const jsm = await jetstreamManager(nc);
  await make(jsm);
  await jsm.streams.update("ORDERS", { max_age: 1 * S, duplicate_window: 1 * S });
  await nc.close();
  const said = await diagnose(server.url, { NATS_USER: "shop", NATS_PASSWORD: "p" });
  const has = (pattern: RegExp) => assert.ok(said.some((one) => pattern.test(one)), `${pattern}:\n${said.join("\n")}`);
  has(/^permissions warning: not checked: the user's permissions \(\$SYS\.REQ\.USER\.INFO\): Permissions Violation/);
  has(/^looked-at warning: not checked: the stream DEAD_LETTERS: Permissions Violation/);
  has(/^looked-at warning: not checked: the consumers of ORDERS: /);
  has(/^retry-horizon error: .* keeps events for 1s/);
});

for (
  const [what, start, env, expected] of [
    [
      "a server that nobody started",
      () => undefined,
      {},
      /^connection error: cannot connect to NATS at 127\.0\.0\.1:1: /,
    ],
    ["an HTTP port", serveHttp, {}, /^connection error: .*does not speak NATS: it said "HTTP\/1\.1/],
    ["an old server", oldServer, {}, /^connection error: .*version 2\.9\.1; Weir needs 2\.12/],
    [
      "a wrong password",
      () => restricted({}),
      { NATS_USER: "shop", NATS_PASSWORD: "x" },
      /^connection error: .*uthorization/,
    ],
    ["an account without JetStream", () => restricted({}), { NATS_USER: "none", NATS_PASSWORD: "p" }, /JetStream/],
  ] as const
) {
  Deno.test(`${what} is an error of its own; what needs the cluster is told not to be checked`, async () => {
    const server = await start();
    try {
      const said = await diagnose(server?.url ?? "nats://127.0.0.1:1", env);
      assert.match(said[0], expected);
      assert.ok(said.length > 20, said.join("\n"));
      for (const one of said.slice(1)) assert.match(one, /warning: not checked: there is no connection to NATS$/);
    } finally {
      await server?.[Symbol.asyncDispose]();
    }
  });
}

function serveHttp() {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("no"));
  return { url: `nats://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Greets as an old server does, and answers pings. */
function oldServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr as Deno.NetAddr;
  const connections: Promise<void>[] = [];
  const greet = async (connection: Deno.Conn) => {
    const say = (text: string) => connection.write(new TextEncoder().encode(text));
    const info = {
      server_id: "old",
      server_name: "old",
      version: "2.9.1",
      proto: 1,
      max_payload: 1_000,
      headers: true,
    };
    try {
      await say(`INFO ${JSON.stringify(info)}\r\n`);
      const buffer = new Uint8Array(4_096);
      for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
        if (new TextDecoder().decode(buffer.subarray(0, n)).includes("PING")) await say("PONG\r\n");
      }
    } catch {
      // it went away
    }
    connection.close();
  };
  const accepting = (async () => {
    for await (const connection of listener) connections.push(greet(connection));
  })();
  return {
    url: `nats://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(connections);
    },
  };
}
