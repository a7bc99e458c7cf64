import assert from "node:assert/strict";
import { readAlert, readServerCertificate } from "../../../runtime/nats/client/tls_probe.ts";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { createAuthority } from "../../support/certificates.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

Deno.test("readAlert returns the alert of a server that asks for another certificate, and nothing of any other server", async () => {
  await using folder = await temporaryDirectory();
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text);
    return `${folder.path}/${name}`;
  };
  const authority = await createAuthority(), own = await authority.issue("server"), ca = file("ca.pem", authority.cert);
  const right = await authority.issue("client"), foreign = await (await createAuthority()).issue("client");
  const pair = `cert_file: "${file("server.pem", own.cert)}", key_file: "${file("server.key", own.key)}"`;
  await using mutual = await startServer({ config: `tls { ${pair}, ca_file: "${ca}", verify: true }` });
  await using encrypted = await startServer({ config: `tls { ${pair} }` });
  await using plain = await startServer();
  const nothing = Number(freePorts("port").port), hostname = "127.0.0.1";
  for (
    const [port, identity, code] of [
      [mutual.port, {}, "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"],
      [mutual.port, foreign, "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"],
      [mutual.port, right, undefined],
      [encrypted.port, {}, undefined],
      [plain.port, {}, undefined],
      [nothing, {}, undefined],
    ] as const
  ) {
    assert.equal((await readAlert({ hostname, port, isFirst: false }, identity))?.code, code);
  }
  const { fromMs, toMs } = (await readServerCertificate({ hostname, port: mutual.port, isFirst: false }))!;
  assert.ok(fromMs < Date.now() && Date.now() < toMs);
  assert.equal(await readServerCertificate({ hostname, port: plain.port, isFirst: false }), undefined);
});
