import assert from "node:assert/strict";
import { setupWorkers } from "./workers.ts";

const API = "/console/api", KEY = "k3y-of-operators";
const CHANGE = { "content-type": "application/json", "x-weir-console": "1" };

/** Requests a path, and returns the status and the JSON of the response. */
async function request(url: string, init?: RequestInit) {
  const response = await fetch(url, init), text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

Deno.test("WEIR_WORKERS=2 has one console, which asks each caller for the key", async () => {
  await using setup = await setupWorkers();
  const { admin } = await setup.start(2, { WEIR_ADMIN_KEY: KEY });
  assert.match((await request(admin)).body, /<title>/);
  assert.equal((await request(`${admin}${API}/session`)).body.access, "sign-in");
  assert.equal((await request(`${admin}${API}/graph`)).status, 401);
  const authorization = `Bearer ${KEY}`;
  const { body: graph } = await request(`${admin}${API}/graph`, { headers: { authorization } });
  assert.equal(graph.functions[0].name, "count");
  const signIn = await request(`${admin}${API}/sign-in`, {
    method: "POST",
    headers: CHANGE,
    body: JSON.stringify({ key: KEY }),
  });
  const cookie = signIn.headers.get("set-cookie")!.split(";")[0];
  const paused = await request(`${admin}${API}/functions/count/pause`, {
    method: "POST",
    headers: { ...CHANGE, cookie },
    body: JSON.stringify({ for: "10m" }),
  });
  assert.equal(paused.status, 200);
  const live = await fetch(`${admin}${API}/live`, { headers: { cookie } });
  for await (const text of live.body!.pipeThrough(new TextDecoderStream())) if (text.includes('"paused"')) break;
});

Deno.test("WEIR_WORKERS=2 beyond loopback without a key refuses the console, though its workers listen on loopback", async () => {
  await using setup = await setupWorkers();
  const { admin } = await setup.start(2, { ADMIN_HOST: "0.0.0.0" }), url = admin.replace("0.0.0.0", "127.0.0.1");
  assert.equal((await request(`${url}${API}/session`)).body.access, "no-key");
  assert.equal((await request(`${url}${API}/graph`)).status, 401);
  assert.equal((await request(`${url}/health/live`)).status, 200);
  assert.equal((await request(`${url}/metrics`)).status, 200);
  assert.equal((await request(`${url}/dead-letters`)).status, 401);
  // The supervisor forwards the path as `fetch` writes it.
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = "POST /console/../dead-letters/redrive HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n";
  await connection.write(new TextEncoder().encode(`${head}Content-Length: 0\r\n\r\n`));
  assert.match(await new Response(connection.readable).text(), /^HTTP\/1\.1 401 /);
});
