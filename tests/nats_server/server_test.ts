import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { readInfo } from "../../runtime/nats_server/probe.ts";
import { listeningPort, startServer } from "../../runtime/nats_server/server.ts";
import { isAlive, startProgram, waitUntilGone } from "../support/processes.ts";
import { temporaryDirectory, writeScript } from "../support/temporary.ts";

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

/** Runs `work` with the JetStream manager of a connection, then closes the connection. */
async function withJetStream<T>(
  url: string,
  work: (jsm: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>,
) {
  const connection = await connect({ servers: url });
  try {
    return await work(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

Deno.test("startServer resolves once the server answers, with JetStream", async () => {
  const log: string[] = [];
  await using server = await startServer({ name: "tested", log: (line) => log.push(line) });
  assert.equal(server.url, `nats://127.0.0.1:${server.port}`);
  assert.match(server.version, /^2\.\d+\.\d+/);
  assert.equal(await isAlive(server.pid), true);
  assert.equal((await withJetStream(server.url, (jsm) => jsm.getAccountInfo())).streams, 0);
  assert.equal(log.some((line) => line.includes("tested")), true);
});

Deno.test("startServer gives concurrent servers different ports and stores", async () => {
  const [one, two] = await Promise.all([startServer(), startServer()]);
  await using _one = one;
  await using _two = two;
  assert.notEqual(one.port, two.port);
  assert.notEqual(one.storeDir, two.storeDir);
});

Deno.test("NatsServer.stop ends the process and removes the temporary store, and does nothing the second time", async () => {
  const server = await startServer();
  assert.equal(await exists(server.storeDir), true);
  await server.stop();
  assert.equal(await isAlive(server.pid), false);
  assert.equal(await exists(server.storeDir), false);
  await server.stop();
});

Deno.test("NatsServer.stop keeps a store directory that the caller chose", async () => {
  await using temporary = await temporaryDirectory();
  const storeDir = `${temporary.path}/store`;
  {
    await using server = await startServer({ storeDir });
    await withJetStream(server.url, (jsm) => jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] }));
  }
  await using server = await startServer({ storeDir });
  assert.equal((await withJetStream(server.url, (jsm) => jsm.getAccountInfo())).streams, 1);
});

Deno.test("NatsServer.restart after kill keeps the port and the store", async () => {
  await using server = await startServer();
  const { port, pid, storeDir } = server;
  await withJetStream(server.url, (jsm) => jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] }));
  await server.kill();
  assert.equal(await isAlive(pid), false);
  assert.equal(await exists(storeDir), true);
  await server.restart();
  assert.equal(server.port, port);
  assert.notEqual(server.pid, pid);
  const info = await withJetStream(server.url, (jsm) => jsm.streams.info("ORDERS"));
  assert.deepEqual(info.config.subjects, ["orders.>"]);
});

Deno.test("NatsServer.restart after stop keeps the port and empties a temporary store", async () => {
  await using server = await startServer();
  const { port } = server;
  await withJetStream(server.url, (jsm) => jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] }));
  await server.stop();
  await server.restart();
  assert.equal(server.port, port);
  assert.equal((await withJetStream(server.url, (jsm) => jsm.getAccountInfo())).streams, 0);
});

Deno.test("startServer accepts configuration in the server's own format", async () => {
  await using server = await startServer({ config: "max_payload: 2345678\n" });
  const info = await readInfo("127.0.0.1", server.port) as { max_payload?: number };
  assert.equal(info.max_payload, 2345678);
});

Deno.test("startServer rejects with the server's log when the configuration is invalid", async () => {
  await assert.rejects(
    startServer({ config: "nonsense {" }),
    /exited \(exit code 1\) before it was ready\. Its last log lines:\n.*Parse error/,
  );
});

Deno.test("startServer names the port when it is in use", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await assert.rejects(startServer({ port }), new RegExp(`127\\.0\\.0\\.1:${port}: bind: address already in use`));
});

Deno.test(
  { name: "startServer rejects when the program is not a nats-server", ignore: Deno.build.os === "windows" },
  async () => {
    await using temporary = await temporaryDirectory();
    const path = await writeScript(temporary.path, "fake", "echo hello >&2; exit 3");
    await assert.rejects(startServer({ path }), {
      message: `${path} exited (exit code 3) before it was ready. Its last log lines:\n  hello`,
    });
  },
);

Deno.test(
  { name: "startServer starts a process that ends when its parent is killed", ignore: Deno.build.os === "windows" },
  async () => {
    await using temporary = await temporaryDirectory();
    await using parent = await startProgram(`
    import { listeningPort, startServer } from ${
      JSON.stringify(import.meta.resolve("../../runtime/nats_server/server.ts"))
    };
    const server = await startServer({ storeDir: ${JSON.stringify(temporary.path)} });
    console.log(server.pid);
  `);
    const pid = Number(await parent.line());
    assert.equal(await isAlive(pid), true);
    await parent.kill();
    await waitUntilGone(pid);
  },
);

Deno.test("readInfo refuses a server that does not speak NATS", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"));
  })();
  await assert.rejects(
    readInfo("127.0.0.1", port),
    /is not a NATS server: it sent "HTTP\/1\.1 400/,
  );
  await serving;
});

Deno.test("listeningPort reads the port for clients from nats-server's log", () => {
  const prefix = "[1] 2026/11/21 02:50:12.104738";
  assert.equal(listeningPort(`${prefix} [INF] Listening for client connections on 127.0.0.1:42623`), 42623);
  assert.equal(listeningPort(`${prefix} [INF] Listening for client connections on [::1]:4222`), 4222);
  assert.equal(
    listeningPort(`${prefix} [INF] Listening for websocket clients on ws://127.0.0.1:80`),
    undefined,
  );
});
