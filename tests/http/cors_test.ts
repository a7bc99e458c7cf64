import assert from "node:assert/strict";
import { withCors } from "../../runtime/http/cors.ts";
import { OrderCreated, request, setup } from "../support/ingress.ts";

const SHOP = "https://shop.example",
  KEYS = [{ name: "shop", secret: "s", pattern: ">", rate: { limit: 2, perMs: 1e6 } }];

/** Creates the public listener for pages of these origins. */
function pages(origins: readonly string[]) {
  const { handler, publisher } = setup({ keys: KEYS }), open = withCors(handler, origins);
  const send = (init: RequestInit, path = "/events/orders.created") => request(open, path, init);
  return { send, publisher };
}

const preflight = (origin: string, more: HeadersInit = {}): RequestInit => ({
  method: "OPTIONS",
  headers: { origin, "access-control-request-method": "POST", ...more },
});
const post = (origin: string, secret = "s"): RequestInit => ({
  method: "POST",
  headers: { origin, authorization: `Bearer ${secret}`, "content-type": "application/json" },
  body: JSON.stringify({ orderId: "o1" }),
});

Deno.test("OPTIONS is a preflight that needs no key, and allows the headers that the page asks for", async () => {
  const { send, publisher } = pages([SHOP, "https://other.example"]);
  const asked = "authorization, ce-tenant, content-type, idempotency-key";
  const response = await send(preflight(SHOP, { "access-control-request-headers": asked }));
  assert.deepEqual([response.status, await response.text()], [204, ""]);
  const { headers } = response;
  assert.equal(headers.get("access-control-allow-origin"), SHOP);
  assert.equal(headers.get("access-control-allow-methods"), "GET,HEAD,POST");
  assert.equal(headers.get("access-control-allow-headers"), asked.replaceAll(" ", ""));
  assert.equal(headers.get("access-control-max-age"), "600");
  assert.equal(headers.get("access-control-allow-credentials"), null);
  assert.match(headers.get("vary")!, /Origin/);
  assert.equal(publisher.published.length, 0);
});

for (const origin of ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"]) {
  Deno.test(`OPTIONS and POST of the origin ${origin} allow no page to read`, async () => {
    const { send } = pages([SHOP]);
    for (const init of [preflight(origin), post(origin)]) {
      assert.equal((await send(init)).headers.get("access-control-allow-origin"), null);
    }
  });
}

Deno.test("POST of an allowed origin shows its result, its problems and its limit to the page", async () => {
  const { send, publisher } = pages([SHOP]);
  const stored = await send(post(SHOP)), unknown = await send(post(SHOP, "x")), none = await send(post(SHOP), "/none");
  const limited = (await send(post(SHOP)), await send(post(SHOP)));
  assert.deepEqual([stored, unknown, none, limited].map(({ status }) => status), [202, 401, 404, 429]);
  for (const { headers } of [stored, unknown, none, limited]) {
    assert.equal(headers.get("access-control-allow-origin"), SHOP);
    assert.match(headers.get("access-control-expose-headers")!, /RateLimit,RateLimit-Policy,Retry-After/);
  }
  assert.equal(stored.headers.get("ratelimit"), '"shop";r=1;t=500');
  assert.ok(limited.headers.has("retry-after"));
  assert.deepEqual(publisher.published.map(({ type }) => type), Array(2).fill(OrderCreated.type));
});

Deno.test("withCors with * allows every origin, and leaves what is no preflight to the listener", async () => {
  const { send } = pages(["*"]);
  assert.equal((await send(preflight("https://any.example"))).headers.get("access-control-allow-origin"), "*");
  const plain = await send({ method: "OPTIONS" });
  assert.deepEqual([plain.status, plain.headers.get("allow")], [405, "POST"]);
});

Deno.test("POST and OPTIONS without CORS_ORIGINS have no header of CORS", async () => {
  const { handler } = setup({ keys: KEYS });
  for (const init of [preflight(SHOP), post(SHOP)]) {
    const { status, headers } = await request(handler, "/events/orders.created", init);
    assert.deepEqual([status, [...headers.keys()].filter((name) => name.startsWith("access-"))], [
      init.method === "POST" ? 202 : 405,
      [],
    ]);
  }
});
