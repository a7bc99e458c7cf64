import assert from "node:assert/strict";
import { startServer } from "../../../runtime/nats_server/server.ts";
import { spawnChild } from "../../../runtime/nats_server/child_process.ts";
import { findServer } from "../../../runtime/nats_server/find.ts";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/ports.ts";
import { connectNats } from "../../../runtime/nats/client/connection.ts";

/** A server that greets with that INFO and answers PING. Nothing answers requests there, which it says. */
function startGreeter(info: object): { port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (client: Deno.Conn) => {
    using _ = client;
    const buffer = new Uint8Array(4_096), decoder = new TextDecoder(), encoder = new TextEncoder();
    await client.write(
      encoder.encode(`INFO ${JSON.stringify({ max_payload: 1_048_576, headers: true, ...info })}\r\n`),
    );
    for (let length; (length = await client.read(buffer)) !== null;) {
      const text = decoder.decode(buffer.subarray(0, length));
      const reply = /^H?PUB \S+ (\S+) /m.exec(text)?.[1];
      if (reply) await client.write(encoder.encode(`HMSG ${reply} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`));
      if (text.includes("PING\r\n")) await client.write(encoder.encode("PONG\r\n"));
    }
  };
  const clients: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) clients.push(serve(client).catch(() => {}));
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(clients);
    },
  };
}

const to = (...servers: string[]) => connectNats({ servers, name: "test" });
const AUTHORIZATION = 'authorization { users = [ { user: alice, password: "s3cret/@:%" } ] }';
const ENCODED = encodeURIComponent("s3cret/@:%");

Deno.test("connectNats refuses a server that is too old, and names both versions", async () => {
  await using old = startGreeter({ server_id: "OLD", version: "2.10.27", jetstream: true });
  await assert.rejects(to(`nats://127.0.0.1:${old.port}`), {
    message: `the NATS server at 127.0.0.1:${old.port} is version 2.10.27; ` +
      `Weir needs 2.12.0 or newer: upgrade the server`,
  });
});

Deno.test("connectNats refuses a server without JetStream, and says what to do", async () => {
  await using bare = startGreeter({ server_id: "BARE", version: "2.15.1" });
  await assert.rejects(to(`nats://127.0.0.1:${bare.port}`), {
    message: `the NATS server at 127.0.0.1:${bare.port} runs without JetStream: ` +
      `start it with -js, or enable it for the account`,
  });
});

Deno.test("connectNats refuses an account without JetStream, and says what to do", async () => {
  const config = `accounts { BARE { users = [ { user: bob, password: pw } ] }, JS { jetstream: enabled } }`;
  await using server = await startServer({ config });
  await assert.rejects(
    connectNats({ servers: [server.url], name: "test", user: "bob", password: "pw" }).then((nc) => nc.close()),
    /runs without JetStream: start it with -js, or enable it for the account/,
  );
});

Deno.test("connectNats takes a server without JetStream whose cluster has it", async () => {
  const ports = freePorts("a", "b", "c", "bare", "client");
  const names = ["a", "b", "c"] as const;
  const routes = names.map((name) => `nats://127.0.0.1:${ports[name]}`).join(", ");
  const cluster = (name: keyof typeof ports) =>
    `cluster { name: mixed, listen: "127.0.0.1:${ports[name]}", routes: [${routes}] }\nserver_name: ${name}`;
  await using stack = new AsyncDisposableStack();
  const servers = await Promise.all(names.map((name) => startServer({ name, config: cluster(name) })));
  for (const server of servers) stack.use(server);
  const file = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(file));
  await Deno.writeTextFile(file, cluster("bare"));
  const args = ["-a", "127.0.0.1", "-p", String(ports.client), "-c", file];
  const bare = spawnChild({ command: await findServer(Deno.env), args, stdout: () => {}, stderr: () => {} });
  stack.defer(() => bare.stop());
  const nc = await eventually(() => to(`nats://127.0.0.1:${ports.client}`), { within: 60_000 });
  assert.equal(nc.info?.jetstream ?? false, false);
  await nc.close();
});

Deno.test("connectNats says where it was refused, and what to check", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await assert.rejects(to(`nats://127.0.0.1:${port}`), {
    message: new RegExp(
      `^cannot connect to NATS at 127\\.0\\.0\\.1:${port}: .*refused.*: is it running, and is NATS_URL right\\?$`,
    ),
  });
});

Deno.test("connectNats says what to do about a host name that does not exist", async () => {
  await assert.rejects(to("nats://no-such-host.invalid:4222"), {
    message: /^cannot connect to NATS at no-such-host\.invalid:4222: .*: is the host name in NATS_URL right/,
  });
});

Deno.test("connectNats points to dev when NATS_URL is not set", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await assert.rejects(connectNats({ servers: [`nats://127.0.0.1:${port}`], unset: true, name: "test" }), {
    message: /^cannot connect to NATS at .*refused.*: NATS_URL is not set; `deno task dev` starts one$/,
  });
});

Deno.test("connectNats takes a percent-encoded user and password from the URL", async () => {
  await using server = await startServer({ config: AUTHORIZATION });
  const nc = await to(`nats://alice:${ENCODED}@127.0.0.1:${server.port}`);
  assert.equal(nc.info?.jetstream, true);
  await nc.close();
});

Deno.test("connectNats prefers the user and password options to the URL's", async () => {
  await using server = await startServer({ config: AUTHORIZATION });
  const servers = [`nats://bob:wrong@127.0.0.1:${server.port}`];
  const nc = await connectNats({ servers, name: "test", user: "alice", password: "s3cret/@:%" });
  await nc.close();
});

Deno.test("connectNats needs one server of several that answers", async () => {
  await using server = await startServer();
  const nc = await to("nats://127.0.0.1:1", server.url);
  assert.equal(nc.getServer(), `127.0.0.1:${server.port}`);
  await nc.close();
});
