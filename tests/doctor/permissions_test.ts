import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startTestRuntime } from "weir/testing";
import { resourcesOf } from "../../runtime/app/resources.ts";
import { permissionsOf } from "../../runtime/nats/topology/permissions.ts";
import { eventually } from "../support/eventually.ts";
import { assertFindings, createTopology, diagnose, Made, project, ship, startRestricted } from "./diagnose.ts";

const S = 1e9;

Deno.test("permissionsOf suffices to create streams, to handle events, to delay retries and to store dead letters", async () => {
  const required = permissionsOf(resourcesOf(project), new Set());
  const allow = (action: string) => [
    ...new Set(required.filter((permission) => permission.action === action).map(({ subject }) => subject)),
  ];
  const publish = { allow: [...allow("publish"), "$SYS.REQ.USER.INFO", "$JS.API.INFO"] };
  const violations: string[] = [];
  const log = (line: string) => void (/Violation/.test(line) && violations.push(line));
  await using server = await startRestricted({ publish, subscribe: { allow: allow("subscribe") } }, log);
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
  const found = await diagnose(server.url, env);
  assert.deepEqual(found.filter((one) => one.startsWith("permissions ")), []);
});

Deno.test("doctor finds missing permissions for dead letters and advisories before they are needed", async () => {
  await using server = await startRestricted({
    publish: { allow: ["orders.>", "parcels.>", "retries.>", "$KV.>", "$JS.>", "_INBOX.>", "$SYS.REQ.USER.INFO"] },
    subscribe: { allow: ["_INBOX.>", "$WEIR.tail"] },
  });
  const found = await diagnose(server.url, { NATS_USER: "shop", NATS_PASSWORD: "p" });
  assertFindings(found, [
    /^permissions error: the NATS user shop may not publish dead_letters\.>, which Weir needs to store dead letters/,
    /^permissions warning: the NATS user shop may not subscribe \$JS\.EVENT\.ADVISORY\.CONSUMER\./,
  ]);
});

Deno.test("doctor reports what the user may not read, and checks the rest", async () => {
  await using server = await startRestricted({
    publish: { allow: ["$JS.API.INFO", "$JS.API.STREAM.INFO.ORDERS"] },
    subscribe: { allow: ["_INBOX.>"] },
  });
  const nc = await connect({ servers: server.url, user: "all", pass: "p" });
  const jsm = await jetstreamManager(nc);
  await createTopology(jsm);
  await jsm.streams.update("ORDERS", { max_age: 1 * S, duplicate_window: 1 * S });
  await nc.close();
  const found = await diagnose(server.url, { NATS_USER: "shop", NATS_PASSWORD: "p" });
  const has = (pattern: RegExp) =>
    assert.ok(found.some((one) => pattern.test(one)), `${pattern}:\n${found.join("\n")}`);
  has(/^permissions warning: not checked: the user's permissions \(\$SYS\.REQ\.USER\.INFO\): Permissions Violation/);
  has(/^readable warning: not checked: the stream DEAD_LETTERS: Permissions Violation/);
  has(/^readable warning: not checked: the consumers of ORDERS: /);
  has(/^retry-horizon error: .* keeps events for 1s/);
});
