import assert from "node:assert/strict";
import { diagnose, startRestricted } from "./diagnose.ts";

for (
  const [what, start, env, expected] of [
    [
      "an address without a server",
      () => undefined,
      {},
      /^connection error: cannot connect to NATS at 127\.0\.0\.1:1: /,
    ],
    ["an HTTP port", serveHttp, {}, /^connection error: .*does not speak NATS: it sent "HTTP\/1\.1/],
    ["an old server", oldServer, {}, /^connection error: .*version 2\.9\.1; Weir needs 2\.12/],
    [
      "a wrong password",
      () => startRestricted({}),
      { NATS_USER: "shop", NATS_PASSWORD: "x" },
      /^connection error: .*uthorization/,
    ],
    ["an account without JetStream", () => startRestricted({}), { NATS_USER: "none", NATS_PASSWORD: "p" }, /JetStream/],
  ] as const
) {
  Deno.test(`connection: ${what} is an error, and the rules on the cluster are not checked`, async () => {
    const server = await start();
    try {
      const found = await diagnose(server?.url ?? "nats://127.0.0.1:1", env);
      assert.match(found[0], expected);
      assert.ok(found.length > 20, found.join("\n"));
      for (const one of found.slice(1)) assert.match(one, /warning: not checked: there is no connection to NATS$/);
    } finally {
      await server?.[Symbol.asyncDispose]();
    }
  });
}

function serveHttp() {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("no"));
  return { url: `nats://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Starts a fake server of an old version, which answers pings. */
function oldServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr as Deno.NetAddr;
  const connections: Promise<void>[] = [];
  const serve = async (connection: Deno.Conn) => {
    const send = (text: string) => connection.write(new TextEncoder().encode(text));
    const info = {
      server_id: "old",
      server_name: "old",
      version: "2.9.1",
      proto: 1,
      max_payload: 1_000,
      headers: true,
    };
    try {
      await send(`INFO ${JSON.stringify(info)}\r\n`);
      const buffer = new Uint8Array(4_096);
      for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
        if (new TextDecoder().decode(buffer.subarray(0, n)).includes("PING")) await send("PONG\r\n");
      }
    } catch {
      // the client closed the connection
    }
    connection.close();
  };
  const accepting = (async () => {
    for await (const connection of listener) connections.push(serve(connection));
  })();
  return {
    url: `nats://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      await Promise.all(connections);
    },
  };
}
