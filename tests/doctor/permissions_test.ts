import assert from "node:assert/strict";
import type { UserPermissions } from "../../runtime/doctor/permissions.ts";
import { connectionFix } from "../../runtime/doctor/connection_fix.ts";
import { configOf, examined, greeting, line, streams } from "./facts.ts";

const ALL = { allow: [">"] };
const found = (permissions: Omit<UserPermissions, "user">, given = {}) =>
  examined({ user: { value: { user: "shop", ...permissions } }, ...given }).findings;

const WEIRS = ["orders.>", "dead_letters.>", "retries.>", "$KV.weir_attempts.>", "$JS.API.>", "$JS.ACK.>", "_INBOX.>"];
const HEARD = ["_INBOX.>", "$JS.EVENT.ADVISORY.>", "$WEIR.tail"];

Deno.test("a user who may do everything, or just what Weir does, lacks nothing", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ publish: ALL, subscribe: ALL }), []);
  assert.deepEqual(found({ publish: { allow: WEIRS }, subscribe: { allow: HEARD } }), []);
});

for (
  const [subject, check] of [
    [
      "orders.>",
      /^permissions error: the NATS user shop may not publish orders\.sent, orders\.made, .* to store events/,
    ],
    ["dead_letters.>", /may not publish dead_letters\.>, which Weir needs to store dead letters/],
    ["retries.>", /may not publish retries\.>, which Weir needs to delay retries/],
    ["$KV.weir_attempts.>", /\$KV\.weir_attempts\.>/],
    ["$JS.ACK.>", /\$JS\.ACK\.ORDERS\.ship\.>, \$JS\.ACK\.RETRIES\.ship\.>, which Weir needs to settle events/],
  ] as const
) {
  Deno.test(`a user who may not publish ${subject} is told of, with the line to write`, () => {
    const [one, ...others] = found({
      publish: { allow: WEIRS.filter((allowed) => allowed !== subject) },
      subscribe: { allow: HEARD },
    });
    assert.deepEqual(others, []);
    assert.match(line(one), check);
    assert.match(one.fix, /^publish: \{ allow: \["/);
  });
}

Deno.test("a user who may not use JetStream's API lacks each thing that it is for", () => {
  const said = found({ publish: { allow: WEIRS.filter((one) => one !== "$JS.API.>") } }).map(line);
  assert.equal(said.length, 9, said.join("\n"));
  assert.ok(said.some((one) => one.includes("$JS.API.CONSUMER.MSG.NEXT.ORDERS.ship")), said.join("\n"));
});

Deno.test("what makes streams and consumers is needed only where one is missing", () => {
  const publish = { allow: WEIRS, deny: ["$JS.API.STREAM.CREATE.>", "$JS.API.CONSUMER.DURABLE.CREATE.>"] };
  const there = [["ORDERS", "ship"], ["RETRIES", "ship"]].map(([stream_name, name]) => ({
    stream_name,
    name,
    config: {},
  }));
  const ready = found({ publish }, { consumers: { value: there } }).filter(({ check }) => check === "permissions");
  assert.deepEqual(ready, []);
  const value = new Map(streams().value);
  value.delete("ORDERS");
  const said = found({ publish }, { streams: { value }, consumers: { value: there.slice(1) } }).map(line).join("\n");
  assert.match(said, /STREAM\.CREATE\.ORDERS \(its deny "\$JS\.API\.STREAM\.CREATE\.>"\)/);
  assert.match(said, /CONSUMER\.DURABLE\.CREATE\.ORDERS\.ship/);
});

Deno.test("a subject that is denied is named, though a wider one is allowed", () => {
  const [one] = found({ publish: { allow: [">"], deny: ["orders.sent"] } });
  assert.match(line(one), /may not publish orders\.sent \(its deny "orders\.sent"\)/);
  assert.match(one.fix, /take "orders\.sent" out of the deny list of publish/);
});

Deno.test("without advisories events are handled all the same; without an inbox nothing is", () => {
  const without = (subject: string) =>
    found({ subscribe: { allow: HEARD.filter((one) => one !== subject) } }).map(({ severity }) => severity);
  assert.deepEqual(without("$JS.EVENT.ADVISORY.>"), ["warning"]);
  assert.deepEqual(without("_INBOX.>"), ["error"]);
});

Deno.test("who may not publish to inboxes is only not seen by those who look", () => {
  const [one, ...others] = found({ publish: { allow: WEIRS.filter((subject) => subject !== "_INBOX.>") } });
  assert.deepEqual(others, []);
  assert.match(line(one), /^permissions warning: .* may not publish _INBOX\.>, .* to show outcomes to `events tail`/);
});

Deno.test("a permission to subscribe may name a queue group", () => {
  assert.deepEqual(found({ subscribe: { allow: ["_INBOX.>", "$JS.EVENT.ADVISORY.> weir", "$WEIR.tail"] } }), []);
});

for (
  const [problem, info, fix] of [
    ['127.0.0.1:8222: it does not speak NATS: it said "HTTP/1.1 400"', undefined, /clients, 4222/],
    [
      "the NATS server at a is version 2.9.0; Weir needs 2.12.0 or newer: upgrade",
      {},
      /upgrade the nats-server to 2\.12/,
    ],
    ["the NATS server at a runs without JetStream", {}, /-js/],
    ["cannot connect: Authorization Violation", { auth_required: true }, /NATS_CREDS/],
    ["cannot connect: unable to verify the first certificate", { tls_required: true }, /NATS_TLS_CA/],
    ["cannot connect: timeout", { tls_required: true }, /the server wants TLS/],
    ["cannot connect: refused", undefined, /start the server, or correct NATS_URL/],
  ] as const
) {
  Deno.test(`to "${problem}" it is said what to do`, () => {
    const servers = info ? [greeting("a", info)] : [];
    assert.match(connectionFix(problem, { servers, dev: false }), fix);
  });
}

Deno.test("a process that only takes events in needs nothing for functions, and one that runs some needs those", () => {
  const user = { publish: { allow: ["orders.made", "$JS.API.STREAM.*.>", "$JS.API.STREAM.NAMES"] } };
  const of = (env: Record<string, string>) =>
    found(user, { config: configOf(env) }).map(line).filter((one) => one.startsWith("permissions "));
  const [ingress, both] = [of({ WEIR_ROLES: "ingress" }), of({})];
  assert.ok(!ingress.some((one) => /ship|orders\.sent/.test(one)), ingress.join("\n"));
  assert.ok(both.some((one) => /CONSUMER\.MSG\.NEXT\.ORDERS\.ship/.test(one)), both.join("\n"));
});
