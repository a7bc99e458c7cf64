import assert from "node:assert/strict";
import { configOf, examined, serverProbe, testRules } from "../facts.ts";

const ENCRYPTION_URL = { NATS_URL: "nats://nats:4222" };

testRules([
  ["all-servers", "one that does not answer", {
    servers: [
      ...["a", "b", "c"].map((name) => serverProbe(name)),
      { address: "d:4222", configured: true, problem: "refused" },
    ],
  }, [/^all-servers warning: d:4222 of NATS_URL does not answer: refused/]],
  ["encryption", "a password without TLS", {
    config: configOf({ ...ENCRYPTION_URL, NATS_USER: "u", NATS_PASSWORD: "p" }),
  }, [/^encryption warning: the connection to nats:4222 is not encrypted, and it carries a password or token/]],
  ["encryption", "events without TLS", { config: configOf(ENCRYPTION_URL) }, [/^encryption info: /]],
  ["versions", "two of them", {
    servers: [serverProbe("a"), serverProbe("b", { version: "2.12.9" }), serverProbe("c")],
  }, [/^versions warning: the servers have 2 versions: 2\.15\.1 \(a, c\); 2\.12\.9 \(b\)/]],
  ["security", "one with known holes", { servers: [serverProbe("a", { version: "2.12.5" })] }, [
    /^security warning: a has 2\.12\.5, which has known security holes/,
  ]],
  ["security", "one without", { servers: [serverProbe("a", { version: "2.12.6" })] }, []],
  ["clock", "a second off within the error", { clock: { value: { aheadMs: 1_100, errorMs: 200 } } }, []],
  ["clock", "more than a second off", { clock: { value: { aheadMs: -1_300, errorMs: 200 } } }, [
    /^clock warning: .*1300ms behind/,
  ]],
  ["clock", "a minute off", { clock: { value: { aheadMs: 65_000, errorMs: 1 } } }, [/^clock error: .*65s ahead of/]],
  ["readable", "a stream that is not", { unreadable: ["the stream ORDERS: no"] }, [
    /^readable warning: not checked: the stream ORDERS/,
  ]],
]);

for (
  const [problem, info, fix] of [
    ['127.0.0.1:8222: it does not speak NATS: it sent "HTTP/1.1 400"', undefined, /client port, 4222/],
    [
      "the NATS server at a is version 2.9.0; Weir needs 2.12.0 or newer: upgrade",
      {},
      /upgrade the nats-server to 2\.12/,
    ],
    ["the NATS server at a runs without JetStream", {}, /-js/],
    ["cannot connect: Authorization Violation", { auth_required: true }, /NATS_CREDS/],
    ["cannot connect: unable to verify the first certificate", { tls_required: true }, /NATS_TLS_CA/],
    ["cannot connect: timeout", { tls_required: true }, /the server requires TLS/],
    ["cannot connect: refused", undefined, /start the server, or correct NATS_URL/],
  ] as const
) {
  Deno.test(`connection: the fix for "${problem}"`, () => {
    const servers = info ? [serverProbe("a", info)] : [];
    const { findings } = examined({ connection: { unknown: problem }, servers });
    const { what, fix: found } = findings.find(({ check }) => check === "connection")!;
    assert.equal(what, problem);
    assert.match(found, fix);
  });
}
