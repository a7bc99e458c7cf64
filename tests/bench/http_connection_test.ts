import assert from "node:assert/strict";
import { HttpConnection, postRequest } from "./http_connection.ts";

function serve(handler: (request: Request) => Response | Promise<Response>): { url: string } & AsyncDisposable {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return { url: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("HttpConnection sends one request after another, and reads each response to its end", async () => {
  const bodies: string[] = [];
  await using server = serve(async (request) => {
    bodies.push(await request.text());
    return new Response("x".repeat(bodies.length * 100_000), { status: 200 + bodies.length });
  });
  using connection = await HttpConnection.open(server.url);
  const post = (body: string) => connection.send(postRequest(server.url, "text/plain", body));
  assert.equal(await post("one"), 201);
  assert.equal(await post("é".repeat(200_000)), 202);
  assert.equal(await post("three"), 203);
  assert.deepEqual(bodies, ["one", "é".repeat(200_000), "three"]);
});

Deno.test("HttpConnection reads a chunked response", async () => {
  await using server = serve(() =>
    new Response(ReadableStream.from(["one", "two"]).pipeThrough(new TextEncoderStream()))
  );
  using connection = await HttpConnection.open(server.url);
  const request = postRequest(server.url, "text/plain", "");
  assert.equal(await connection.send(request), 200);
  assert.equal(await connection.send(request), 200);
});
