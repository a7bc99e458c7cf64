import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { z } from "zod";
import { startConsole } from "../support/console.ts";

const API = "/console/api", KEY = "k3y-of-operators";
const Placed = defineEvent({ type: "shop.placed", version: 1, data: z.object({ orderId: z.string() }), ingress: {} });
const ship = defineFunction({ on: Placed }, () => {});
const functions = { ship };
const PUBLISH = { type: "shop.placed", data: { orderId: "o1" } };

Deno.test("GET / and deep links answer the page, with a strict policy and without a script or style in it", async () => {
  await using console = await startConsole({ functions });
  for (const path of ["/", "/console", "/console/functions/ship", "/console/dead-letters?group=1"]) {
    const { status, headers, body } = await console.get(path);
    assert.equal(status, 200, path);
    assert.match(headers.get("content-type")!, /^text\/html/);
    const policy = headers.get("content-security-policy")!;
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; /);
    assert.match(policy, /frame-ancestors 'none'; form-action 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.doesNotMatch(body, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  }
  assert.equal((await console.post("/console/functions")).status, 405);
  assert.equal((await console.get(`${API}/nothing`)).status, 404);
});

Deno.test("GET /console/assets/{version}/{name} is immutable, and without the version is asked for again", async () => {
  await using console = await startConsole({ functions });
  const { body: page } = await console.get("/");
  const script = /src="([^"]+)"/.exec(page)![1];
  const versioned = await console.get(script), plain = await console.get(script.replace(/assets\/[^/]+\//, "assets/"));
  assert.match(versioned.headers.get("cache-control")!, /immutable/);
  assert.equal(plain.headers.get("cache-control"), "no-cache");
  const etag = plain.headers.get("etag")!;
  assert.equal((await console.get(script, { "if-none-match": etag })).status, 304);
  for (const name of ["..%2fconsole.ts", "files.ts", "__proto__", "index.html", "npm/"]) {
    assert.equal((await console.get(`/console/assets/${name}`)).status, 404, name);
  }
});

Deno.test("POST /console/api/… of a foreign page, or without the header, is refused", async () => {
  await using console = await startConsole({ functions });
  const publish = (headers: Record<string, string>) => console.post(`${API}/publish`, PUBLISH, headers);
  const { host } = new URL(console.admin);
  assert.equal((await publish({ origin: "http://evil.example", "sec-fetch-site": "cross-site" })).status, 403);
  assert.equal((await publish({ origin: "http://127.0.0.1:3000", "sec-fetch-site": "same-site" })).status, 403);
  assert.equal((await publish({ origin: `http://${host}`, "sec-fetch-site": "same-origin" })).status, 202);
  const plain = await fetch(`${console.admin}${API}/publish`, { method: "POST", body: JSON.stringify(PUBLISH) });
  assert.equal(plain.status, 403);
  await plain.body!.cancel();
  assert.equal((await publish({ "content-type": "text/plain" })).status, 415);
});

Deno.test("GET /console/api/… with WEIR_ADMIN_KEY needs the key or the cookie, and the pages do not", async () => {
  await using console = await startConsole({ functions, env: { WEIR_ADMIN_KEY: KEY } });
  assert.equal((await console.get("/")).status, 200);
  assert.equal((await console.get("/health/live")).status, 200);
  assert.equal((await console.get("/functions")).status, 401);
  assert.deepEqual((await console.get(`${API}/session`)).body, { access: "sign-in", dev: false, signedIn: false });
  for (const path of ["graph", "live", "events/tail", "dead-letters", "catalog"]) {
    assert.equal((await console.get(`${API}/${path}`)).status, 401, path);
  }
  assert.equal((await console.get(`${API}/graph`, { authorization: `Bearer ${KEY}` })).status, 200);
  assert.equal((await console.post(`${API}/sign-in`, { key: "wrong" })).status, 401);
  assert.equal((await console.post(`${API}/sign-in`, { key: "x".repeat(17_000) })).status, 413);
  const { status, headers } = await console.post(`${API}/sign-in`, { key: KEY });
  assert.equal(status, 204);
  const cookie = headers.get("set-cookie")!.split(";")[0];
  const { body: session } = await console.get(`${API}/session`, { cookie });
  assert.deepEqual([session.access, session.signedIn], ["full", true]);
  assert.equal((await console.get(`${API}/graph`, { cookie })).status, 200);
  assert.equal((await console.post(`${API}/publish`, PUBLISH, { cookie })).status, 202);
  assert.equal((await console.get("/functions", { cookie })).status, 401); // the cookie is for the console alone
  const foreign = { cookie, origin: "http://evil.example", "sec-fetch-site": "cross-site" };
  assert.equal((await console.post(`${API}/publish`, PUBLISH, foreign)).status, 403);
});

Deno.test("GET /console/api/… beyond loopback without WEIR_ADMIN_KEY is refused, and probes and metrics are not", async () => {
  await using console = await startConsole({ functions, env: { ADMIN_HOST: "0.0.0.0" } });
  assert.equal((await console.get(`${API}/session`)).body.access, "no-key");
  const { status, body } = await console.get(`${API}/graph`);
  assert.equal(status, 401);
  assert.match(body.detail, /set WEIR_ADMIN_KEY/);
  assert.equal((await console.post(`${API}/publish`, PUBLISH)).status, 401);
  for (const path of ["/", "/health/ready", "/metrics"]) assert.equal((await console.get(path)).status, 200, path);
});

Deno.test("POST /console/api/… with WEIR_CONSOLE=read-only is refused, and everything can be read", async () => {
  await using console = await startConsole({ functions, env: { WEIR_CONSOLE: "read-only" } });
  assert.equal((await console.get(`${API}/session`)).body.access, "read-only");
  for (const path of ["graph", "functions/ship", "dead-letters", "catalog", "events/recent"]) {
    assert.equal((await console.get(`${API}/${path}`)).status, 200, path);
  }
  for (const path of ["publish", "functions/ship/pause", "dead-letters/jobs", "dead-letters/1/redrive"]) {
    assert.equal((await console.post(`${API}/${path}`)).status, 403, path);
  }
});

Deno.test("GET / with WEIR_CONSOLE=off answers 404", async () => {
  await using console = await startConsole({ functions, env: { WEIR_CONSOLE: "off" } });
  for (const path of ["/", "/console", `${API}/session`]) assert.equal((await console.get(path)).status, 404, path);
});
