import assert from "node:assert/strict";
import { connectNats } from "../../../runtime/nats/client/connection.ts";
import { explainTlsError } from "../../../runtime/nats/client/explain_tls_error.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { createAuthority } from "../../support/certificates.ts";
import { commandRunner } from "../../support/commands.ts";
import { freePorts } from "../../support/ports.ts";
import { copyProject } from "../../support/project.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const authority = await createAuthority();
const [valid, other, expired, future] = await Promise.all([
  authority.issue("client"),
  authority.issue("other"),
  authority.issue("expired", { days: [-3, -2] }),
  authority.issue("future", { days: [2, 3] }),
]);
const REQUIRED = { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", message: "received fatal alert: required" };
const UNKNOWN_CA = { code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", message: "received fatal alert: unknown" };
const NOT_ACCEPTED = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
const validity = (from: number, to: number) => ({ certificate: { fromMs: from, toMs: to } });

for (
  const [what, code, identity, facts, said] of [
    ["a server's certificate that expired", NOT_ACCEPTED, {}, validity(0, 1_000), [
      /^the server's certificate expired at 1970-01-01T00:00:01\.000Z: renew it/,
    ]],
    ["one that is not valid yet", NOT_ACCEPTED, {}, validity(Date.now() * 2, Date.now() * 3), [
      /^the server's certificate is not valid before 20/,
      /or set the clock/,
    ]],
    ["one of an unknown authority", NOT_ACCEPTED, {}, validity(0, Date.now() * 2), [/as NATS_TLS_CA$/]],
    ["one that cannot be read", NOT_ACCEPTED, {}, {}, [/^text: give the authority's certificate as NATS_TLS_CA$/]],
    ["no client certificate", undefined, {}, { alert: REQUIRED }, [
      /required: the server asks for .* NATS_TLS_CERT and/,
    ]],
    ["a client certificate that expired", undefined, expired, {}, [
      /^text: the certificate in NATS_TLS_CERT expired at/,
    ]],
    ["one that is not valid yet, after an alert", UNKNOWN_CA.code, future, {}, [/^text: .*CERT is not valid before/]],
    ["one of an authority that the server does not know", undefined, valid, { alert: UNKNOWN_CA }, [
      /unknown: the server does not know the authority of the certificate in NATS_TLS_CERT$/,
    ]],
    ["the key of another certificate", "ERR_SSL_UNSUPPORTED_PROTOCOL", { cert: valid.cert, key: other.key }, {}, [
      /^text: NATS_TLS_KEY is the key of another certificate than NATS_TLS_CERT$/,
    ]],
    ["a key that is none", undefined, { cert: valid.cert, key: "x" }, {}, [/NATS_TLS_CERT and NATS_TLS_KEY cannot be/]],
    ["nothing, of a handshake that fails for another reason", "ERR_SSL_UNSUPPORTED_PROTOCOL", valid, {}, undefined],
    ["nothing, of a silent server", undefined, valid, {}, undefined],
    ["nothing, of another error", "ECONNRESET", expired, {}, undefined],
  ] as const
) {
  Deno.test(`explainTlsError names ${what}`, () => {
    const text = explainTlsError(code, "text", identity, facts, Date.now());
    if (said === undefined) return assert.equal(text, undefined);
    for (const part of said) assert.match(text!, part);
  });
}

Deno.test("connectNats says what is wrong with a certificate", async () => {
  await using folder = await temporaryDirectory();
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text);
    return `${folder.path}/${name}`;
  };
  const tls = { ca: file("ca.pem", authority.cert) };
  const refused = async (own: typeof valid, given: typeof tls & { cert?: string; key?: string }, why: RegExp) => {
    const config = `tls { cert_file: "${file("server.pem", own.cert)}", key_file: "${file("server.key", own.key)}" }`;
    await using server = await startServer({ config });
    await assert.rejects(connectNats({ servers: [server.url], name: "test", tls: given }), why);
  };
  await refused(expired, tls, /127\.0\.0\.1:\d+: the server's certificate expired at 20\S+Z: renew it, or set the/);
  await refused(
    valid,
    { ca: file("other.pem", (await createAuthority()).cert) },
    /: give the authority's certificate as/,
  );
  const mismatch = { ...tls, cert: file("client.pem", valid.cert), key: file("client.key", other.key) };
  await refused(valid, mismatch, /: NATS_TLS_KEY is the key of another certificate than NATS_TLS_CERT$/);
});

for (
  const [names, isAccepted] of [
    [["127.0.0.1"], { "127.0.0.1": true, localhost: false }],
    [["localhost"], { "127.0.0.1": false, localhost: true }],
  ] as const
) {
  Deno.test(`connectNats compares a certificate of ${names} with the name or the address that it dials`, async () => {
    await using folder = await temporaryDirectory();
    const file = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder.path}/${name}`, text);
      return `${folder.path}/${name}`;
    };
    const own = await authority.issue("server", { names }), tls = { ca: file("ca.pem", authority.cert) };
    const config = `tls { cert_file: "${file("server.pem", own.cert)}", key_file: "${file("server.key", own.key)}" }`;
    await using server = await startServer({ config });
    for (const [host, accepted] of Object.entries(isAccepted)) {
      const connecting = connectNats({ servers: [`tls://${host}:${server.port}`], name: "test", tls });
      if (accepted) await (await connecting).close();
      else await assert.rejects(connecting, /altnames.*: name the server in NATS_URL as its certificate does$/);
    }
  });
}

Deno.test("plan says that a cluster asks for a client certificate, or refuses it, without a wait for each server", async () => {
  await using folder = await temporaryDirectory();
  await using project = await copyProject();
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text);
    return `${folder.path}/${name}`;
  };
  const own = await authority.issue("server"), foreign = await (await createAuthority()).issue("client");
  const NATS_TLS_CA = file("ca.pem", authority.cert), { a, b } = freePorts("a", "b");
  const pair = `cert_file: "${file("server.pem", own.cert)}", key_file: "${file("server.key", own.key)}"`;
  const config = (name: string, port: string) => `
    server_name: ${name}
    tls { ${pair}, ca_file: "${NATS_TLS_CA}", verify: true }
    cluster { name: c, listen: "127.0.0.1:${port}", routes: ["nats://127.0.0.1:${a}", "nats://127.0.0.1:${b}"] }`;
  await using first = await startServer({ config: config("a", a) });
  await using second = await startServer({ config: config("b", b) });
  const url = [first, second].map(({ port }) => `tls://127.0.0.1:${port}`).join();
  const refused = { NATS_TLS_CERT: file("other.pem", foreign.cert), NATS_TLS_KEY: file("other.key", foreign.key) };
  for (
    const [given, why] of [
      [{}, /CertificateRequired: the server asks for a certificate: give one as NATS_TLS_CERT and NATS_TLS_KEY/],
      [refused, /UnknownCA: the server does not know the authority of the certificate in NATS_TLS_CERT/],
    ] as const
  ) {
    const { code, text } = await commandRunner(project.path, url, { NATS_TLS_CA, ...given })("plan");
    assert.equal(code, 1);
    assert.match(text, why);
  }
});
