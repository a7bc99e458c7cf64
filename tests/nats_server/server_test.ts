import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { readInfo } from "../../runtime/nats_server/probe.ts";
import { startServer } from "../../runtime/nats_server/server.ts";
import { listeningPort, saysPortInUse, saysReady } from "../../runtime/nats_server/server_log.ts";
import { isAlive, startProgram, waitUntilGone } from "../support/processes.ts";
import { temporaryDirectory, writeScript } from "../support/temporary.ts";

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

/** Runs `work` with a connection's JetStream manager and closes the connection. */
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

Deno.test("a started server answers, with JetStream", async () => {
  const log: string[] = [];
  await using server = await startServer({ name: "tested", log: (line) => log.push(line) });
  assert.equal(server.url, `nats://127.0.0.1:${server.port}`);
  assert.match(server.version, /^2\.\d+\.\d+/);
  assert.equal(await isAlive(server.pid), true);
  assert.equal((await withJetStream(server.url, (jsm) => jsm.getAccountInfo())).streams, 0);
  assert.equal(log.some((line) => line.includes("tested")), true);
});

Deno.test("two started at once have ports and stores of their own", async () => {
  const [one, two] = await Promise.all([startServer(), startServer()]);
  await using _one = one;
  await using _two = two;
  assert.notEqual(one.port, two.port);
  assert.notEqual(one.storeDir, two.storeDir);
});

Deno.test("after stop() the process and the temporary store are gone, and stopping again does nothing", async () => {
  const server = await startServer();
  assert.equal(await exists(server.storeDir), true);
  await server.stop();
  assert.equal(await isAlive(server.pid), false);
  assert.equal(await exists(server.storeDir), false);
  await server.stop();
});

Deno.test("a store directory that was given is kept by stop()", async () => {
  await using temporary = await temporaryDirectory();
  const storeDir = `${temporary.path}/store`;
  {
    await using server = await startServer({ storeDir });
    await withJetStream(server.url, (jsm) => jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] }));
  }
  await using server = await startServer({ storeDir });
  assert.equal((await withJetStream(server.url, (jsm) => jsm.getAccountInfo())).streams, 1);
});

Deno.test("a killed server restarts on its port with its store", async () => {
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

Deno.test("a stopped server restarts on its port, with an empty store if that was temporary", async () => {
  await using server = await startServer();
  const { port } = server;
  await withJetStream(server.url, (jsm) => jsm.streams.add({ name: "ORDERS", subjects: ["orders.>"] }));
  await server.stop();
  await server.restart();
  assert.equal(server.port, port);
  assert.equal((await withJetStream(server.url, (jsm) => jsm.getAccountInfo())).streams, 0);
});

Deno.test("configuration in the server's own format is used", async () => {
  await using server = await startServer({ config: "max_payload: 2345678\n" });
  const info = await readInfo("127.0.0.1", server.port) as { max_payload?: number };
  assert.equal(info.max_payload, 2345678);
});

Deno.test("configuration the server can't read is an error with what the server said", async () => {
  await assert.rejects(
    startServer({ config: "nonsense {" }),
    /ended \(exit code 1\) before it was ready\. Its last log lines:\n.*Parse error/,
  );
});

Deno.test("a port in use is an error that says so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await assert.rejects(startServer({ port }), (error: Error) => {
    assert.equal(
      error.message.split(". Its last log lines:")[0],
      `nats-server can't start: port ${port} on 127.0.0.1 is in use by another process. ` +
        "Stop that one, or choose another port",
    );
    assert.match(error.message, /bind: address already in use/);
    return true;
  });
});

Deno.test(
  { name: "a program that is no server is an error", ignore: Deno.build.os === "windows" },
  async () => {
    await using temporary = await temporaryDirectory();
    const path = await writeScript(temporary.path, "fake", "echo hello >&2; exit 3");
    await assert.rejects(startServer({ path }), {
      message: `${path} ended (exit code 3) before it was ready. Its last log lines:\n  hello`,
    });
  },
);

Deno.test(
  { name: "a server ends when its owner is killed", ignore: Deno.build.os === "windows" },
  async () => {
    await using temporary = await temporaryDirectory();
    await using owner = await startProgram(`
    import { startServer } from ${JSON.stringify(import.meta.resolve("../../runtime/nats_server/server.ts"))};
    const server = await startServer({ storeDir: ${JSON.stringify(temporary.path)} });
    console.log(server.pid);
  `);
    const pid = Number(await owner.line());
    assert.equal(await isAlive(pid), true);
    await owner.kill();
    await waitUntilGone(pid);
  },
);

Deno.test("the greeting of something that is not a NATS server is refused", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"));
  })();
  await assert.rejects(
    readInfo("127.0.0.1", port),
    /does not answer as a NATS server: it sent "HTTP\/1\.1 400/,
  );
  await serving;
});

Deno.test("the log tells the port, readiness and a port in use", () => {
  const prefix = "[1] 2026/11/21 02:50:12.104738";
  assert.equal(listeningPort(`${prefix} [INF] Listening for client connections on 127.0.0.1:42623`), 42623);
  assert.equal(listeningPort(`${prefix} [INF] Listening for client connections on [::1]:4222`), 4222);
  assert.equal(
    listeningPort(`${prefix} [INF] Listening for websocket clients on ws://127.0.0.1:80`),
    undefined,
  );
  assert.equal(saysReady(`${prefix} [INF] Server is ready`), true);
  assert.equal(saysReady(`${prefix} [INF] Server Exiting..`), false);
  const inUse = 'Error listening on port: 127.0.0.1:1, "listen tcp 127.0.0.1:1: bind: address already in use"';
  assert.equal(saysPortInUse(`${prefix} [FTL] ${inUse}`), true);
});
