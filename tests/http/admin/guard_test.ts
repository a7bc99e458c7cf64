import assert from "node:assert/strict";
import { adminGuard, EXPOSED_HEADER } from "../../../runtime/http/admin/guard.ts";
import { problemOf } from "../../support/ingress.ts";

const REDRIVE = "/dead-letters/redrive?force=true";

type Sent = { key?: string; path?: string; method?: string; exposed?: boolean };

async function send(headers: Record<string, string>, { path = REDRIVE, method = "POST", ...options }: Sent = {}) {
  const guard = adminGuard({ key: undefined, exposed: false, host: "ops.example", ...options });
  const host = headers.host ?? "127.0.0.1:9090";
  const problem = guard(new Request(`http://${host}${path}`, { method, headers: { host, ...headers } }));
  return problem ? (await problemOf(problem.toResponse())).status : "done";
}

for (
  const [what, headers, method, answer] of [
    ["a command line", {}, "POST", "done"],
    ["its own page", { origin: "http://127.0.0.1:9090", "sec-fetch-site": "same-origin" }, "POST", "done"],
    ["a pod's address", { host: "10.1.2.3:9090" }, "GET", "done"],
    ["a service's name", { host: "weir.shop.svc.cluster.local:9090" }, "GET", "done"],
    ["a name without a dot", { host: "weir:9090" }, "GET", "done"],
    ["an IPv6 address", { host: "[::1]:9090" }, "GET", "done"],
    ["the name of ADMIN_HOST", { host: "ops.example:9090" }, "GET", "done"],
    ["a link on a foreign page", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "GET", "done"],
    ["a foreign origin", { origin: "http://evil.example" }, "POST", 403],
    ["a foreign origin with text", { origin: "http://evil.example", "content-type": "text/plain" }, "POST", 403],
    ["a sandboxed page", { origin: "null" }, "POST", 403],
    ["another port of this machine", { origin: "http://127.0.0.1:3000", "sec-fetch-site": "same-site" }, "POST", 403],
    ["a name that resolves here", { host: "evil.example:9090", origin: "http://evil.example:9090" }, "POST", 403],
    ["a name that resolves here", { host: "evil.example:9090" }, "GET", 403],
    ["a foreign page", { "sec-fetch-site": "cross-site" }, "POST", 403],
    ["a foreign page that reads", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, "GET", 403],
    ["a form of a foreign page", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "POST", 403],
  ] as const
) {
  Deno.test(`adminGuard answers ${answer} to a ${method} of ${what}`, async () => {
    assert.equal(await send(headers, { method }), answer);
  });
}

Deno.test("adminGuard requires the key, except of the health and of problems, and then takes any host", async () => {
  const key = "k3y-of-operators";
  assert.equal(await send({}, { key }), 401);
  assert.equal(await send({ authorization: "Bearer wrong" }, { key }), 401);
  assert.equal(await send({ authorization: `Bearer ${key}` }, { key }), "done");
  assert.equal(await send({ authorization: `Bearer ${key}`, host: "ops.public.example" }, { key }), "done");
  assert.equal(await send({}, { key, path: "/health/live", method: "GET" }), "done");
  assert.equal(await send({}, { key, path: "/problems/unauthorized", method: "GET" }), "done");
  assert.equal(await send({}, { key, path: "/healthy", method: "GET" }), 401);
  assert.equal(await send({}, { key, path: "/metrics", method: "GET" }), 401);
});

for (
  const [path, headers, answer] of [
    ["/", {}, "done"],
    ["/console", {}, "done"],
    ["/console/api/graph", {}, "done"],
    ["/console/api/graph", { host: "ops.public.example" }, "done"],
    ["/console/api/graph", { origin: "http://evil.example" }, 403],
    ["/console/api/graph", { "sec-fetch-site": "cross-site" }, 403],
    ["/consoles", {}, 401],
    ["/functions", {}, 401],
  ] as const
) {
  Deno.test(`adminGuard with a key answers ${answer} to a GET of ${path} with ${JSON.stringify(headers)}`, async () => {
    assert.equal(await send(headers, { key: "k3y-of-operators", path, method: "GET" }), answer);
  });
}

for (
  const [path, headers, answer] of [
    ["/health/live", {}, "done"],
    ["/metrics", {}, "done"],
    ["/metrics", { origin: "http://evil.example" }, 403],
    ["/metrics", { host: "evil.example:9090" }, 403],
    ["/problems/unauthorized", {}, "done"],
    ["/console/api/graph", {}, "done"], // it asks itself
    ["/metrics/x", {}, 401],
    ["/functions", {}, 401],
    ["/functions", { origin: "http://evil.example" }, 403],
    ["/functions", { authorization: "Bearer guess" }, 401],
    ["/dead-letters", {}, 401],
    ["/openapi.json", {}, 401],
  ] as const
) {
  const what = `a GET of ${path} with ${JSON.stringify(headers)}`;
  Deno.test(`adminGuard beyond loopback, without a key, answers ${answer} to ${what}`, async () => {
    assert.equal(await send(headers, { exposed: true, path, method: "GET" }), answer);
    assert.equal(await send({ ...headers, [EXPOSED_HEADER]: "1" }, { path, method: "GET" }), answer);
  });
}
