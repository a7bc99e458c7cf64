import assert from "node:assert/strict";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import type { Caller } from "../../runtime/http/caller.ts";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { JsonWebTokens } from "../../runtime/http/json_web_tokens.ts";
import { Problem } from "../../runtime/http/problem.ts";
import { z } from "zod";
import { defineEvent, defineFunction } from "weir";
import { startTestRuntime } from "weir/testing";
import { eventually } from "../support/eventually.ts";
import { problemOf, setup } from "../support/ingress.ts";

const ISSUER = "https://issuer.example", AUDIENCE = "shop-events";
const known = await generateKeyPair("ES256"), other = await generateKeyPair("ES256");
const KEY_SET = { keys: [{ ...await exportJWK(known.publicKey), kid: "k1", alg: "ES256", use: "sig" }] };

/** Serves a key set, and counts how often it is fetched. */
function serveKeys(body: unknown = KEY_SET, status = 200) {
  let fetches = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    fetches++;
    return Response.json(body, { status });
  });
  const keysUrl = `http://127.0.0.1:${server.addr.port}/keys`;
  return {
    tokens: new JsonWebTokens({ keysUrl, issuer: ISSUER, audience: AUDIENCE, clock: systemClock }),
    fetches: () => fetches,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

interface Signing {
  readonly key?: CryptoKey;
  /** Null names no key. @default "k1" */
  readonly kid?: string | null;
  readonly expires?: string;
}

function sign(
  claims: JWTPayload,
  { key = known.privateKey, kid = "k1", expires = "1h" }: Signing = {},
): Promise<string> {
  return new SignJWT({ sub: "ada", iss: ISSUER, aud: AUDIENCE, scope: "publish:orders.>", ...claims })
    .setProtectedHeader({ alg: "ES256", ...(kid !== null && { kid }) }).setExpirationTime(expires).sign(key);
}

const scopes: [claims: JWTPayload, may: string[], mayNot: string[]][] = [
  [{}, ["orders.created", "orders.a.b"], ["payments.due"]],
  [{ scope: "openid publish:orders.created publish:stock.*" }, ["orders.created", "stock.out"], ["orders.paid"]],
  [{ scope: undefined, scp: ["publish:orders.>", "read"] }, ["orders.created"], ["read.it"]],
  [{ scope: "publish:>" }, ["orders.created", "a.b"], []],
  [{ scope: "publish: publish:.. orders.> publish" }, [], ["orders.created"]],
  [{ scope: undefined }, [], ["orders.created"]],
];
for (const [claims, may, mayNot] of scopes) {
  Deno.test(`JsonWebTokens lets a token with ${JSON.stringify(claims)} publish what its scopes cover`, async () => {
    await using served = serveKeys();
    const caller = await served.tokens.authenticate(await sign(claims));
    assert.deepEqual(may.filter((type) => !caller.mayPublish(type)), []);
    assert.deepEqual(mayNot.filter((type) => caller.mayPublish(type)), []);
  });
}

Deno.test("JsonWebTokens names the caller by its subject, and fetches the keys once", async () => {
  await using served = serveKeys();
  const of = async (sub: string): Promise<Caller> => await served.tokens.authenticate(await sign({ sub }));
  const { name, title, identity } = await of("auth0|7 ü");
  assert.deepEqual({ name, title, identity }, {
    name: "jwt:auth0%7C7%20%C3%BC",
    title: 'the token of "auth0|7 ü"',
    identity: { authtype: "app_user", authid: "auth0|7 ü" },
  });
  for (let i = 0; i < 5; i++) await of(`user-${i}`);
  assert.equal(served.fetches(), 1);
});

const refused: [what: string, token: () => string | Promise<string>, detail: string][] = [
  ["that has expired", () => sign({}, { expires: "-1m" }), "it has expired"],
  ["of another issuer", () => sign({ iss: "https://evil.example" }), "its claim iss is not as wanted"],
  ["for another audience", () => sign({ aud: "bank" }), "its claim aud is not as wanted"],
  ["without a subject", () => sign({ sub: undefined }), "its claim sub is not as wanted"],
  ["with an empty subject", () => sign({ sub: "" }), "its claim sub is not as wanted"],
  ["with a number as subject", () => sign({ sub: 7 as never }), "its claim sub is not as wanted"],
  ["with a control character in its subject", () => sign({ sub: "ada\n" }), "its claim sub is not as wanted"],
  ["that is not valid yet", () => sign({ nbf: Date.now() / 1_000 + 600 }), "its claim nbf is not as wanted"],
  ["signed with another key", () => sign({}, { key: other.privateKey }), "its signature is wrong"],
  ["of an unknown key", () => sign({}, { kid: "k2" }), "its issuer has no such key"],
  [
    "without a signature",
    () => new UnsecuredJWT({ sub: "ada" }).encode(),
    "it has no form or algorithm that is known here",
  ],
  [
    "signed with a shared secret",
    () => new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "HS256" }).sign(new Uint8Array(32)),
    "it has no form or algorithm that is known here",
  ],
  ["that is no token", () => "a.b.c", "it has no form or algorithm that is known here"],
];
for (const [what, token, detail] of refused) {
  Deno.test(`JsonWebTokens refuses a token ${what}`, async () => {
    await using served = serveKeys();
    await assert.rejects(async () => served.tokens.authenticate(await token()), (error) => {
      assert(error instanceof Problem, String(error));
      assert.deepEqual([error.status, error.detail], [401, `the token is not accepted: ${detail}`]);
      return true;
    });
  });
}

Deno.test("JsonWebTokens takes a token that names no key, of any key in the set", async () => {
  const second = { ...await exportJWK(other.publicKey), kid: "k2", alg: "ES256" };
  await using served = serveKeys({ keys: [...KEY_SET.keys, second] });
  const third = await generateKeyPair("ES256");
  for (const { privateKey: key } of [known, other]) {
    assert.equal((await served.tokens.authenticate(await sign({}, { key, kid: null }))).name, "jwt:ada");
  }
  await assert.rejects(async () => served.tokens.authenticate(await sign({}, { key: third.privateKey, kid: null })), {
    detail: "the token is not accepted: its signature is wrong",
  });
});

// jose does not read the body of a refusal.
Deno.test("JsonWebTokens answers 503 while the keys cannot be fetched", { sanitizeResources: false }, async () => {
  await using served = serveKeys({}, 500);
  await assert.rejects(async () => served.tokens.authenticate(await sign({})), (error) => {
    assert(error instanceof Problem);
    assert.deepEqual([error.status, error.options.headers], [503, { "retry-after": "5" }]);
    return true;
  });
});

Deno.test("POST takes a token or an API key, and stores who published the event", async () => {
  await using served = serveKeys();
  const { send, publisher } = setup({
    tokens: served.tokens,
    keys: [{ name: "shop", secret: "shop-s3cret", pattern: ">" }],
  });
  const post = (secret: string, path = "/orders") =>
    send(path, { json: { orderId: "o1" }, headers: { authorization: `Bearer ${secret}` } });
  assert.equal((await post(await sign({}))).status, 202);
  assert.equal((await post("shop-s3cret")).status, 202);
  assert.deepEqual(publisher.published.map(({ source, extensions }) => [source, extensions?.authid]), [
    ["/ingress/jwt:ada", "ada"],
    ["/ingress/shop", "shop"],
  ]);
  const forbidden = await problemOf(await post(await sign({ scope: "publish:stock.>" })));
  assert.deepEqual([forbidden.status, forbidden.detail], [403, 'the token of "ada" may not publish "orders.created"']);
  assert.equal((await post("wrong")).status, 401);
});

Deno.test("POST takes an API key that has the form of a token", async () => {
  await using served = serveKeys();
  const keys = [{ name: "shop", secret: "v1.shop.s3cret", pattern: ">" }];
  const { send, publisher } = setup({ tokens: served.tokens, keys });
  const headers = { authorization: "Bearer v1.shop.s3cret" };
  assert.equal((await send("/orders", { json: { orderId: "o1" }, headers })).status, 202);
  assert.equal(publisher.published[0].source, "/ingress/shop");
});

Deno.test("startTestRuntime with WEIR_JWT_KEYS_URL takes tokens alone, and the function sees who published", async () => {
  await using served = serveKeys();
  const Asked = defineEvent({ type: "demo.asked", version: 1, data: z.object({}), ingress: {} });
  const seen: unknown[] = [];
  const answer = defineFunction(
    { on: Asked },
    ({ extensions: { authtype, authid } }) => void seen.push({ authtype, authid }),
  );
  const { options: { keysUrl } } = served.tokens;
  const env = { WEIR_JWT_KEYS_URL: keysUrl, WEIR_JWT_ISSUER: ISSUER, WEIR_JWT_AUDIENCE: AUDIENCE };
  await using runtime = await startTestRuntime({ functions: { answer }, env });
  const post = async (token?: string) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${runtime.url}/events/demo.asked`, { method: "POST", headers, body: "{}" });
    await response.body?.cancel();
    return response.status;
  };
  assert.deepEqual([await post(), await post(await sign({ scope: "publish:demo.*" }))], [401, 202]);
  await eventually(() => seen.length > 0);
  assert.deepEqual(seen, [{ authtype: "app_user", authid: "ada" }]);
});
