import { createAuthority } from "../support/certificates.ts";
import { type Setup, testForms } from "../support/forms.ts";
import { freePorts } from "../support/ports.ts";

/** Configuration of TLS, and the files of a client. */
async function certificates({ file }: Setup) {
  const authority = await createAuthority(), server = await authority.issue("server");
  const client = await authority.issue("client");
  const ca = file("ca.pem", authority.cert);
  return {
    tls: `cert_file: "${file("server.pem", server.cert)}", key_file: "${
      file("server.key", server.key)
    }", ca_file: "${ca}"`,
    NATS_TLS_CA: ca,
    client: { NATS_TLS_CERT: file("client.pem", client.cert), NATS_TLS_KEY: file("client.key", client.key) },
  };
}

testForms("start by encrypted forms of connection", {
  "mutual TLS": async (setup) => {
    const { tls, NATS_TLS_CA, client } = await certificates(setup);
    const url = await setup.server({ config: `tls { ${tls}, verify: true }` });
    return { NATS_URL: url.replace("nats:", "tls:"), NATS_TLS_CA, ...client };
  },
  "a server with handshake_first": async (setup) => {
    const { tls, NATS_TLS_CA, client } = await certificates(setup);
    const NATS_URL = await setup.silentServer(`tls { ${tls}, verify: true, handshake_first: true }`);
    return { NATS_URL, NATS_TLS_CA, ...client };
  },
  "a websocket": async ({ server }) => {
    const { port } = freePorts("port");
    await server({ config: `websocket { listen: "127.0.0.1:${port}", no_tls: true }` });
    return { NATS_URL: `ws://127.0.0.1:${port}` };
  },
  "an encrypted websocket": async (setup) => {
    const { tls, NATS_TLS_CA, client } = await certificates(setup), { port } = freePorts("port");
    await setup.server({ config: `websocket { listen: "127.0.0.1:${port}", tls { ${tls}, verify: true } }` });
    return { NATS_URL: `wss://127.0.0.1:${port}`, NATS_TLS_CA, ...client };
  },
});
