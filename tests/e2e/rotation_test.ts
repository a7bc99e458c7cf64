import { nkeys } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type NatsServer, startServer } from "../../runtime/nats_server/server.ts";
import { testsAtOnce } from "../support/at_once.ts";
import { createAuthority } from "../support/certificates.ts";
import { type FormRuntime, startForm } from "../support/connection_form.ts";
import { createOperator } from "../support/creds.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const test = testsAtOnce("start takes rotated credentials", 3);

/** A credential at its start, and what an operator does to rotate it. */
interface Rotation {
  readonly config: string;
  /** Files of the client, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Variables that name the files, and others. */
  readonly env: (path: (file: string) => string) => Record<string, string>;
  /** Returns the address for the client. Default: the server's. */
  readonly url?: (server: NatsServer) => string;
  /** Rotates it, so that only the new one opens a connection in the end. */
  rotate(on: { server: NatsServer; write: (file: string, text: string) => void; form: FormRuntime }): Promise<void>;
}

/** Replaces the configuration of a server, which then drops clients whose credentials are gone. */
async function reconfigure(server: NatsServer, config: string): Promise<void> {
  await Deno.writeTextFile(`${dirname(server.storeDir)}/nats.conf`, config);
  Deno.kill(server.pid, "SIGHUP");
}

/** Milliseconds between two publishes: some hundred a second, which leaves the processor to the other rotations. */
const PACE_MS = 5;

const users = (...all: string[]) => `authorization { users: [${all.join(", ")}] }`;
const count = ({ lines }: FormRuntime, text: string) => lines.filter(({ message }) => message === text).length;

/** Reloads until the connection is opened anew: on a slow machine the try of new credentials may time out. */
async function reconnectByReload(form: FormRuntime): Promise<void> {
  await eventually(async () => {
    await form.runtime.reload();
    return count(form, "reconnected to NATS") > 0;
  }, { every: 200 });
}

const rotations: Record<string, () => Promise<Rotation>> = {
  "a JWT that expires": () => {
    const operator = createOperator();
    return Promise.resolve({
      config: operator.config,
      files: { "user.creds": operator.creds() },
      env: (path) => ({ NATS_CREDS: path("user.creds") }),
      rotate: async ({ write, form }) => {
        const reconnects = () => count(form, "reconnected to NATS");
        let seconds = 2;
        await eventually(async () => { // on a slow machine it may expire before it is used
          const before = reconnects(), expiresMs = Math.floor(Date.now() / 1_000 + ++seconds) * 1_000;
          write("user.creds", operator.creds(seconds));
          await form.runtime.reload();
          await eventually(() => reconnects() > before, { within: seconds * 1_000 });
          return Date.now() < expiresMs;
        });
        const before = reconnects();
        write("user.creds", operator.creds());
        await eventually(() => reconnects() > before); // the server disconnects it at its expiry
      },
    });
  },
  "a token": () =>
    Promise.resolve({
      config: "authorization { token: first-token }",
      files: { token: "first-token\n" },
      env: (path) => ({ NATS_TOKEN_FILE: path("token") }),
      rotate: async ({ server, write, form }) => {
        write("token", "second-token\n");
        await reconfigure(server, "authorization { token: second-token }");
        await eventually(() => count(form, "reconnected to NATS") > 0);
      },
    }),
  "a password, at SIGHUP before the old one ends": () =>
    Promise.resolve({
      config: users("{ user: shop, password: first }", "{ user: shop2, password: second }"),
      files: { user: "shop", password: "first" },
      env: (path) => ({ NATS_USER_FILE: path("user"), NATS_PASSWORD_FILE: path("password") }),
      rotate: async ({ server, write, form }) => {
        write("user", "shop2");
        write("password", "second");
        await reconnectByReload(form);
        await reconfigure(server, users("{ user: shop2, password: second }"));
      },
    }),
  "a token through a websocket": () => {
    const { port } = freePorts("port"), websocket = `websocket { listen: "127.0.0.1:${port}", no_tls: true }`;
    return Promise.resolve({
      config: `authorization { token: first-token }\n${websocket}`,
      files: { token: "first-token" },
      env: (path) => ({ NATS_TOKEN_FILE: path("token") }),
      url: () => `ws://127.0.0.1:${port}`,
      rotate: async ({ server, write, form }) => {
        write("token", "second-token");
        await reconfigure(server, `authorization { token: second-token }\n${websocket}`);
        await eventually(() => count(form, "reconnected to NATS") > 0);
      },
    });
  },
  "a password through a websocket, at SIGHUP before the old one ends": () => {
    const { port } = freePorts("port"), websocket = `websocket { listen: "127.0.0.1:${port}", no_tls: true }`;
    const second = "{ user: shop2, password: second }";
    return Promise.resolve({
      config: `${users("{ user: shop, password: first }", second)}\n${websocket}`,
      files: { user: "shop", password: "first" },
      env: (path) => ({ NATS_USER_FILE: path("user"), NATS_PASSWORD_FILE: path("password") }),
      url: () => `ws://127.0.0.1:${port}`,
      rotate: async ({ server, write, form }) => {
        write("user", "shop2");
        write("password", "second");
        await reconnectByReload(form);
        await reconfigure(server, `${users(second)}\n${websocket}`);
      },
    });
  },
  "an nkey": () => {
    const [first, second] = [nkeys.createUser(), nkeys.createUser()];
    const seed = (user: typeof first) => new TextDecoder().decode(user.getSeed());
    return Promise.resolve({
      config: users(`{ nkey: ${first.getPublicKey()} }`),
      files: { "seed.nk": seed(first) },
      env: (path) => ({ NATS_NKEY_FILE: path("seed.nk") }),
      rotate: async ({ server, write, form }) => {
        write("seed.nk", seed(second));
        await reconfigure(server, users(`{ nkey: ${second.getPublicKey()} }`));
        await eventually(() => count(form, "reconnected to NATS") > 0);
      },
    });
  },
  "a client certificate and its authority": async () => {
    const [old, next] = [await createAuthority(), await createAuthority()];
    const [server, oldClient, client] = [await old.issue("server"), await old.issue("c"), await next.issue("c")];
    const folder = await Deno.makeTempDir({ prefix: "weir-rotation-" });
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const files = `cert_file: "${write("s.pem", server.cert)}", key_file: "${write("s.key", server.key)}"`;
    const trusting = (name: string, text: string) => `tls { ${files}, ca_file: "${write(name, text)}", verify: true }`;
    return {
      config: trusting("both.pem", old.cert + next.cert),
      files: { ca: old.cert, cert: oldClient.cert, key: oldClient.key },
      env: (path) => ({ NATS_TLS_CA: path("ca"), NATS_TLS_CERT: path("cert"), NATS_TLS_KEY: path("key") }),
      url: ({ url }) => url.replace("nats:", "tls:"),
      rotate: async ({ server, write, form }) => {
        write("cert", client.cert);
        write("key", client.key);
        await reconnectByReload(form);
        await Deno.writeTextFile(`${dirname(server.storeDir)}/nats.conf`, trusting("next.pem", next.cert));
        const before = count(form, "reconnected to NATS");
        await server.restart();
        await eventually(() => count(form, "reconnected to NATS") > before);
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

for (const [name, rotation] of Object.entries(rotations)) {
  test(`start loses no event while an operator rotates ${name}`, async () => {
    await using folder = await temporaryDirectory();
    const path = (file: string) => `${folder.path}/${file}`;
    const write = (file: string, text: string) => Deno.writeTextFileSync(path(file), text);
    const { config, files, env, rotate, url = ({ url }) => url } = await rotation();
    for (const [file, text] of Object.entries(files)) write(file, text);
    await using server = await startServer({ config });
    await using form = await startForm({ NATS_URL: url(server), ...env(path) });
    const accepted: number[] = [];
    let rotated = false, afterwards = 0;
    const publishing = (async () => {
      for (let n = 10; afterwards < 20; n++) {
        await new Promise((resolve) => setTimeout(resolve, PACE_MS));
        if (await form.publish(n) !== 202) continue;
        accepted.push(n);
        if (rotated) afterwards++;
      }
    })();
    await eventually(() => form.handled.size > 10);
    await rotate({ server, write, form });
    rotated = true;
    await publishing;
    await eventually(() => accepted.every((n) => form.handled.has(n)));
    await eventually(async () => {
      const health = await (await fetch(`${form.runtime.adminUrl}/health/ready`)).json();
      return health.status === "OK";
    });
  });
}

test("start keeps the credentials that work while their file is broken, and says so", async () => {
  await using folder = await temporaryDirectory();
  const token = `${folder.path}/token`, keys = `${folder.path}/keys`;
  Deno.writeTextFileSync(token, "first-token");
  Deno.writeTextFileSync(keys, "shop:first-key");
  await using server = await startServer({ config: "authorization { token: first-token }" });
  await using form = await startForm({ NATS_URL: server.url, NATS_TOKEN_FILE: token, WEIR_API_KEYS_FILE: keys });
  const reload = async () => {
    await form.runtime.reload();
    assert.equal(await form.publish(1, "first-key"), 202);
  };
  const errors = () => form.lines.filter(({ level }) => level === "error").map(({ message }) => message);
  Deno.writeTextFileSync(token, "\n");
  Deno.writeTextFileSync(keys, "shop");
  await reload();
  assert.deepEqual(errors(), [
    "the configuration cannot be read again: API keys stay as they were",
    "rotated credentials cannot be used",
  ]);
  Deno.writeTextFileSync(token, "unknown-token");
  Deno.writeTextFileSync(keys, "shop:first-key");
  await reload();
  assert.equal(
    errors()[2],
    "NATS does not take the new credentials: the connection stays as it was, and the next one tries them",
  );
  // The server knows the old token only: dials use both in turn.
  await server.restart();
  await eventually(() => count(form, "reconnected to NATS") > 0);
  assert.equal(await form.publish(2, "first-key"), 202);
  await eventually(() => form.handled.has(2));
});

test("start takes the API keys of a replaced WEIR_API_KEYS_FILE at a reload", async () => {
  await using folder = await temporaryDirectory();
  const keys = `${folder.path}/keys`;
  Deno.writeTextFileSync(keys, "shop:first-key");
  await using server = await startServer();
  await using form = await startForm({ NATS_URL: server.url, WEIR_API_KEYS_FILE: keys });
  assert.deepEqual([await form.publish(1, "first-key"), await form.publish(2, "second-key")], [202, 401]);
  Deno.writeTextFileSync(keys, "shop:second-key");
  assert.equal(await form.publish(3, "first-key"), 202);
  await form.runtime.reload();
  assert.deepEqual([await form.publish(4, "first-key"), await form.publish(5, "second-key")], [401, 202]);
  assert.equal(count(form, "disconnected from NATS: reconnecting"), 0);
});
