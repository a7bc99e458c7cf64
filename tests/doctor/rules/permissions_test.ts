import assert from "node:assert/strict";
import type { UserPermissions } from "../../../runtime/doctor/facts.ts";
import { configOf, examined, line, streams } from "../facts.ts";

const ALL = { allow: [">"] };
const found = (permissions: Omit<UserPermissions, "user">, given = {}) =>
  examined({ user: { value: { user: "shop", ...permissions } }, ...given }).findings;

const PUBLISH = [
  "orders.>",
  "dead_letters.>",
  "retries.>",
  "$KV.weir_attempts.>",
  "$JS.API.>",
  "$JS.ACK.>",
  "_INBOX.>",
];
const SUBSCRIBE = ["_INBOX.>", "$JS.EVENT.ADVISORY.>", "$WEIR.tail"];

Deno.test("permissions: a user with all of them, or with those that Weir needs", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ publish: ALL, subscribe: ALL }), []);
  assert.deepEqual(found({ publish: { allow: PUBLISH }, subscribe: { allow: SUBSCRIBE } }), []);
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
  Deno.test(`permissions: a user who may not publish ${subject}`, () => {
    const [one, ...others] = found({
      publish: { allow: PUBLISH.filter((allowed) => allowed !== subject) },
      subscribe: { allow: SUBSCRIBE },
    });
    assert.deepEqual(others, []);
    assert.match(line(one), check);
    assert.match(one.fix, /^publish: \{ allow: \["/);
  });
}

Deno.test("permissions: a user without the JetStream API misses each of its purposes", () => {
  const lines = found({ publish: { allow: PUBLISH.filter((one) => one !== "$JS.API.>") } }).map(line);
  assert.equal(lines.length, 9, lines.join("\n"));
  assert.ok(lines.some((one) => one.includes("$JS.API.CONSUMER.MSG.NEXT.ORDERS.ship")), lines.join("\n"));
});

Deno.test("permissions: creating streams and consumers is needed only for missing ones", () => {
  const publish = { allow: PUBLISH, deny: ["$JS.API.STREAM.CREATE.>", "$JS.API.CONSUMER.DURABLE.CREATE.>"] };
  const there = [["ORDERS", "ship"], ["RETRIES", "ship"]].map(([stream_name, name]) => ({
    stream_name,
    name,
    config: {},
  }));
  const ready = found({ publish }, { consumers: { value: there } }).filter(({ check }) => check === "permissions");
  assert.deepEqual(ready, []);
  const value = new Map(streams().value);
  value.delete("ORDERS");
  const lines = found({ publish }, { streams: { value }, consumers: { value: there.slice(1) } }).map(line).join("\n");
  assert.match(lines, /STREAM\.CREATE\.ORDERS \(its deny list has "\$JS\.API\.STREAM\.CREATE\.>"\)/);
  assert.match(lines, /CONSUMER\.DURABLE\.CREATE\.ORDERS\.ship/);
});

Deno.test("permissions: a denied subject within an allowed one", () => {
  const [one] = found({ publish: { allow: [">"], deny: ["orders.sent"] } });
  assert.match(line(one), /may not publish orders\.sent \(its deny list has "orders\.sent"\)/);
  assert.match(one.fix, /remove "orders\.sent" from the deny list of publish/);
});

Deno.test("permissions: missing advisories are a warning, a missing _INBOX is an error", () => {
  const without = (subject: string) =>
    found({ subscribe: { allow: SUBSCRIBE.filter((one) => one !== subject) } }).map(({ severity }) => severity);
  assert.deepEqual(without("$JS.EVENT.ADVISORY.>"), ["warning"]);
  assert.deepEqual(without("_INBOX.>"), ["error"]);
});

Deno.test("permissions: a user who may not publish replies only misses `events tail`", () => {
  const [one, ...others] = found({ publish: { allow: PUBLISH.filter((subject) => subject !== "_INBOX.>") } });
  assert.deepEqual(others, []);
  assert.match(line(one), /^permissions warning: .* may not publish _INBOX\.>, .* to show outcomes to `events tail`/);
});

Deno.test("permissions: a permission to subscribe with a queue group", () => {
  assert.deepEqual(found({ subscribe: { allow: ["_INBOX.>", "$JS.EVENT.ADVISORY.> weir", "$WEIR.tail"] } }), []);
});

Deno.test("permissions: a process needs those of its roles only", () => {
  const user = { publish: { allow: ["orders.made", "$JS.API.STREAM.*.>", "$JS.API.STREAM.NAMES"] } };
  const of = (env: Record<string, string>) =>
    found(user, { config: configOf(env) }).map(line).filter((one) => one.startsWith("permissions "));
  const [ingress, both] = [of({ WEIR_ROLES: "ingress" }), of({})];
  const needed = ingress.filter((one) => !one.includes("to report what waits"));
  assert.ok(!needed.some((one) => /ship|orders\.sent/.test(one)), ingress.join("\n"));
  assert.ok(both.some((one) => /CONSUMER\.MSG\.NEXT\.ORDERS\.ship/.test(one)), both.join("\n"));
});
