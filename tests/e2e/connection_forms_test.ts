import { nkeys } from "@nats-io/transport-node";
import { spawnChild } from "../../runtime/nats_server/child_process.ts";
import { findServer } from "../../runtime/nats_server/find.ts";
import { type ServerOptions, startServer } from "../../runtime/nats_server/server.ts";
import { createAuthority } from "../support/certificates.ts";
import { exerciseForm } from "../support/connection_form.ts";
import { createOperator } from "../support/creds.ts";
import { freePorts } from "../support/ports.ts";

/** The servers and files of a form, which end with its test. */
interface Setup {
  server(options: ServerOptions): Promise<string>;
  file(name: string, text: string): string;
  /** Starts a server that sends nothing before a TLS handshake. */
  silentServer(config: string): Promise<string>;
}

/** Starts the servers of a form of connection. Returns the variables with which Weir reaches JetStream by it. */
type Form = (setup: Setup) => Promise<Record<string, string>>;

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

/** Exports and imports by which one account uses the JetStream of another, under a prefix of its own. */
const IMPORTED = `accounts {
  STORE { jetstream: enabled, users: [{ user: store, password: secret }], exports: [
    { service: "$JS.API.>", response_type: stream }
    { service: "$KV.>" }, { service: "$JS.ACK.>" }, { stream: "$JS.EVENT.ADVISORY.>" }
    { service: "orders.>" }, { service: "stock.>" }, { service: "retries.>" }, { service: "dead_letters.>" }
  ] }
  SHOP { users: [{ user: shop, password: secret }], imports: [
    { service: { account: STORE, subject: "$JS.API.>" }, to: "JS.store.API.>" }
    { service: { account: STORE, subject: "$KV.>" }, to: "JS.store.API.$KV.>" }
    { service: { account: STORE, subject: "$JS.ACK.>" } }
    { stream: { account: STORE, subject: "$JS.EVENT.ADVISORY.>" } }
    { service: { account: STORE, subject: "orders.>" } }, { service: { account: STORE, subject: "stock.>" } }
    { service: { account: STORE, subject: "retries.>" } }, { service: { account: STORE, subject: "dead_letters.>" } }
  ] }
}`;

const forms: Record<string, Form> = {
  "a JWT of an operator": async ({ server, file }) => {
    const operator = createOperator();
    return {
      NATS_URL: await server({ config: operator.config }),
      NATS_CREDS: file("user.creds", operator.creds()),
    };
  },
  "an nkey": async ({ server, file }) => {
    const user = nkeys.createUser(), seed = new TextDecoder().decode(user.getSeed());
    return {
      NATS_URL: await server({ config: `authorization { users: [{ nkey: ${user.getPublicKey()} }] }` }),
      NATS_NKEY_FILE: file("seed.nk", `${seed}\n`),
    };
  },
  "a private inbox": async ({ server }) => ({
    NATS_URL: await server({
      config: `authorization { users: [{ user: shop, password: secret, permissions: {
        subscribe: { allow: ["_INBOX_shop.>", "$JS.EVENT.ADVISORY.CONSUMER.>", "$WEIR.tail"] }
        publish: { deny: "_INBOX.>" }
      } }] }`,
    }),
    NATS_USER: "shop",
    NATS_PASSWORD: "secret",
    NATS_INBOX_PREFIX: "_INBOX_shop",
  }),
  "the domain of a hub, by its leaf": async ({ server }) => {
    const { leaf } = freePorts("leaf");
    const flags = "feature_flags { js_ack_fc_v2: true }"; // acks name their domain
    await server({ config: `${flags}\njetstream { domain: hub }\nleafnodes { listen: "127.0.0.1:${leaf}" }` });
    const remotes = `remotes: [{ url: "nats://127.0.0.1:${leaf}" }]`;
    const NATS_URL = await server({ config: `${flags}\njetstream { domain: edge }\nleafnodes { ${remotes} }` });
    return { NATS_URL, NATS_JS_DOMAIN: "hub" };
  },
  "an imported account": async ({ server }) => ({
    NATS_URL: await server({ config: IMPORTED }),
    NATS_USER: "shop",
    NATS_PASSWORD: "secret",
    NATS_JS_API_PREFIX: "JS.store.API",
  }),
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
};

for (const [name, form] of Object.entries(forms)) {
  Deno.test(`start handles, retries and redrives events by ${name}`, async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "weir-form-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const file = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const env = await form({
      file,
      server: async (options) => stack.use(await startServer(options)).url,
      silentServer: async (config) => {
        const { port } = freePorts("port"), ready = Promise.withResolvers<void>();
        const args = ["-js", "-sd", `${folder}/store`, "-a", "127.0.0.1", "-p", port, "-c", file("nats.conf", config)];
        const line = (text: string) => text.endsWith("Server is ready") && ready.resolve();
        const child = spawnChild({ command: await findServer(Deno.env), args, stdout: line, stderr: line });
        stack.defer(() => child.stop());
        await Promise.race([ready.promise, child.status.then(() => Promise.reject(new Error("it ended")))]);
        return `tls://127.0.0.1:${port}`;
      },
    });
    await exerciseForm(env);
  });
}
