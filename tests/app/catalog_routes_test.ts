import assert from "node:assert/strict";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { z } from "zod";

const data = z.object({ n: z.int() });
const Open = defineEvent({ type: "shop.ordered", version: 1, data, ingress: { route: "/orders" } });
const Other = defineEvent({ type: "market.ordered", version: 1, data, ingress: {} });
const Internal = defineEvent({ type: "secret.audited", version: 1, data });
const auditor = defineFunction({ on: [Open, Internal] }, () => {});

const PATHS = ["/openapi.json", "/asyncapi.json", "/schemas/shop.ordered"];

/** Starts a runtime, and returns requests to its two listeners. */
async function setup(env: Record<string, string> = {}) {
  const runtime = await startTestRuntime({
    functions: { auditor },
    schemas: [Other],
    env: { LOG_LEVEL: "error", ...env },
  });
  const get = (url: string) => async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const response = await fetch(url + path, { headers, method });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    public: get(runtime.url),
    admin: get(runtime.adminUrl),
    [Symbol.asyncDispose]: () => runtime.stop(),
  };
}
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

Deno.test("GET /openapi.json, /asyncapi.json and /schemas/{type} show outsiders what the ingress takes, and nothing else", async () => {
  await using runtime = await setup();
  for (const path of PATHS) {
    const { status, text, headers } = await runtime.public(path);
    assert.equal(status, 200);
    assert.match(text, /shop\.ordered/);
    assert.doesNotMatch(text, /secret|auditor/, path);
    assert.match(headers.get("content-type")!, /^application\/(schema\+)?json$/);
    assert.equal(headers.get("cache-control"), "no-cache");
  }
  for (const type of ["secret.audited", "shop.nothing"]) {
    const { status, text } = await runtime.public(`/schemas/${type}`);
    assert.equal(status, 404);
    assert.equal(JSON.parse(text).type, "/problems/unknown-type");
  }
});

Deno.test("GET /openapi.json needs an API key if the ingress does, and shows the types that the key may publish", async () => {
  await using runtime = await setup({ WEIR_API_KEYS: "shop:s1:shop.*,all:s2" });
  for (const path of PATHS) {
    assert.equal((await runtime.public(path)).status, 401);
    assert.equal((await runtime.public(path, bearer("wrong"))).status, 401);
    const { status, text, headers } = await runtime.public(path, bearer("s1"));
    assert.equal(status, 200);
    assert.doesNotMatch(text, /market|secret/);
    assert.deepEqual([headers.get("cache-control"), headers.get("vary")], ["private, no-cache", "authorization"]);
  }
  assert.match((await runtime.public("/openapi.json", bearer("s2"))).text, /market\.ordered/);
  assert.equal((await runtime.public("/schemas/market.ordered", bearer("s1"))).status, 404);
  assert.equal((await runtime.public("/schemas/market.ordered", bearer("s2"))).status, 200);
});

Deno.test("GET /asyncapi.json of the admin listener shows the whole project", async () => {
  await using runtime = await setup();
  const { text } = await runtime.admin("/asyncapi.json");
  assert.match(text, /auditor\.receives\.secret\.audited/);
  assert.match((await runtime.admin("/schemas/secret.audited")).text, /urn:weir:schema:secret\.audited:1/);
  assert.doesNotMatch((await runtime.admin("/openapi.json")).text, /secret/);
});

Deno.test("GET /asyncapi.json of the admin listener needs WEIR_ADMIN_KEY if it is set", async () => {
  await using runtime = await setup({ WEIR_ADMIN_KEY: "k" });
  assert.equal((await runtime.admin("/asyncapi.json")).status, 401);
  assert.equal((await runtime.admin("/asyncapi.json", bearer("k"))).status, 200);
});

Deno.test("GET /openapi.json answers 304 to a caller that has the document", async () => {
  await using runtime = await setup();
  for (const path of PATHS) {
    const etag = (await runtime.public(path)).headers.get("etag")!;
    assert.match(etag, /^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const { status, text, headers } = await runtime.public(path, { "if-none-match": known });
      assert.deepEqual([status, text, headers.get("etag")], [304, "", etag]);
    }
    assert.equal((await runtime.public(path, { "if-none-match": '"other"' })).status, 200);
    const head = await runtime.public(path, {}, "HEAD");
    assert.deepEqual([head.status, head.text, head.headers.get("etag")], [200, "", etag]);
    assert.equal((await runtime.public(path, {}, "DELETE")).status, 405);
  }
});
