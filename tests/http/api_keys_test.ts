import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { systemClock } from "../../runtime/engine/system_clock.ts";
import { type ApiKey, ApiKeys } from "../../runtime/http/api_keys.ts";
import { Problem } from "../../runtime/http/problem.ts";
import { problemOf, setup } from "../support/ingress.ts";

const KEYS: ApiKey[] = [
  { name: "shop", secret: "shop-s3cret", pattern: "orders.*" },
  { name: "root", secret: "root-s3cret", pattern: ">" },
  { name: "one", secret: "one-s3cret", pattern: "orders.paid" },
  { name: "both-orders", secret: "shared", pattern: "orders.>" },
  { name: "both-stock", secret: "shared", pattern: "stock.>" },
];

function callerOf(keys: readonly ApiKey[] | "none", authorization?: string) {
  const headers: HeadersInit = authorization === undefined ? {} : { authorization };
  return new ApiKeys(keys).authenticate(new Request("http://weir.test/", { headers }));
}

for (
  const [authorization, name, may, mayNot] of [
    ["Bearer shop-s3cret", "shop", ["orders.created", "orders.paid"], ["orders.paid.late", "stock.reserved"]],
    ["bearer   root-s3cret", "root", ["orders.created", "a.b.c"], []],
    ["BEARER one-s3cret", "one", ["orders.paid"], ["orders.created", "orders", "orders.paid.late"]],
    ["Bearer shared", "both-orders", ["orders.a.b", "stock.c"], ["payments.due"]],
  ] as const
) {
  Deno.test(`ApiKeys lets ${name} (\`${authorization}\`) publish what its pattern covers`, () => {
    const caller = callerOf(KEYS, authorization);
    assert.equal(caller.name, name);
    assert.deepEqual(may.filter((type) => !caller.mayPublish(type)), []);
    assert.deepEqual(mayNot.filter((type) => caller.mayPublish(type)), []);
  });
}

for (
  const [authorization, detail] of [
    [undefined, "send an API key as `Authorization: Bearer <secret>`"],
    ["", "send an API key as `Authorization: Bearer <secret>`"],
    ["Bearer", "send an API key as `Authorization: Bearer <secret>`"],
    ["Basic c2hvcDpzM2NyZXQ=", "send an API key as `Authorization: Bearer <secret>`"],
    ["shop-s3cret", "send an API key as `Authorization: Bearer <secret>`"],
    ["Bearer shop-s3cret more", "send an API key as `Authorization: Bearer <secret>`"],
    ["Bearer shop-s3cre", "the API key is not known"],
    ["Bearer shop-s3cretx", "the API key is not known"],
    ["Bearer SHOP-S3CRET", "the API key is not known"],
    ["Bearer shop", "the API key is not known"],
  ]
) {
  Deno.test(`ApiKeys refuses \`${authorization}\``, () => {
    assert.throws(() => callerOf(KEYS, authorization), (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual([error.status, error.detail], [401, detail]);
      return true;
    });
  });
}

Deno.test("ApiKeys lets every caller publish everything when authentication is off", () => {
  for (const authorization of [undefined, "Bearer whatever"]) {
    const caller = callerOf("none", authorization);
    assert.equal(caller.name, undefined);
    assert.equal(caller.mayPublish("orders.created"), true);
  }
});

Deno.test("ApiKeys refuses every caller when the list is empty", () => {
  assert.throws(() => callerOf([], "Bearer "), Problem);
  assert.throws(() => callerOf([], "Bearer x"), Problem);
});

for (const path of ["/events", "/events/orders.created", "/orders", "/events/orders.unknown"]) {
  Deno.test(`POST ${path} answers 401 without a key, and says how to send one`, async () => {
    const { send, publisher } = setup({ keys: KEYS });
    const response = await send(path, { json: { orderId: "o1" } });
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    assert.deepEqual(await problemOf(response), {
      status: 401,
      title: "Unauthorized",
      detail: "send an API key as `Authorization: Bearer <secret>`",
    });
    assert.equal(publisher.published.length, 0);
  });
}

Deno.test("POST answers 403 for a key of other types, on every path and content type", async () => {
  const { send, publisher } = setup({ keys: KEYS });
  const authorization = "Bearer one-s3cret";
  const created = { specversion: "1.0", type: "orders.created", data: { orderId: "o1" } };
  const paid = { ...created, type: "orders.paid" };
  const forbidden = 'API key one may not publish "orders.created"';
  for (
    const [path, json, contentType, detail] of [
      ["/events/orders.created", { orderId: "o1" }, "application/json", forbidden],
      ["/orders", { orderId: "o1" }, "application/json", forbidden],
      ["/events", created, "application/cloudevents+json", forbidden],
      [
        "/events",
        [paid, created],
        "application/cloudevents-batch+json",
        `event 1: ${forbidden}; nothing was published`,
      ],
    ] as const
  ) {
    const response = await send(path, { json, headers: { authorization, "content-type": contentType } });
    assert.deepEqual(await problemOf(response), { status: 403, title: "Forbidden", detail });
  }
  const headers = { authorization, "content-type": "application/json", "ce-type": "orders.created" };
  assert.equal((await send("/events", { json: { orderId: "o1" }, headers })).status, 403);
  assert.equal(publisher.published.length, 0);
});

Deno.test("GET /health needs no key", async () => {
  const { send } = setup({ keys: KEYS });
  assert.equal((await send("/health", { method: "GET" })).status, 200);
});

Deno.test("ApiKeys knows a secret by its SHA-256 digest, and not the digest itself", () => {
  const secret = `sha256=${createHash("sha256").update("hashed-s3cret").digest("hex")}`;
  const keys: ApiKey[] = [{ name: "shop", secret, pattern: ">" }];
  assert.equal(callerOf(keys, "Bearer hashed-s3cret").name, "shop");
  assert.throws(() => callerOf(keys, `Bearer ${secret}`), Problem);
});

Deno.test("POST stores who published an event, whatever the caller says of it", async () => {
  const { send, publisher } = setup({ keys: KEYS });
  const headers = {
    authorization: "Bearer shop-s3cret",
    "ce-specversion": "1.0",
    "ce-authtype": "system",
    "ce-authid": "root",
    "ce-authclaims": "all",
    "ce-region": "eu",
  };
  assert.equal((await send("/orders", { json: { orderId: "o1" }, headers })).status, 202);
  assert.deepEqual(publisher.published[0].extensions, { region: "eu", authtype: "api_key", authid: "shop" });
});

Deno.test("POST answers 429 beyond a key's limit, with the time until the next request", async () => {
  let nowMs = 0;
  const clock = { ...systemClock, now: () => nowMs };
  const keys: ApiKey[] = [...KEYS, {
    name: "slow",
    secret: "slow-s3cret",
    pattern: ">",
    rate: { limit: 2, perMs: 10_000 },
  }];
  const { send, publisher } = setup({ keys, clock });
  const post = (secret = "slow-s3cret") =>
    send("/orders", { json: { orderId: "o1" }, headers: { authorization: `Bearer ${secret}` } });
  const rates = ({ headers }: Response) =>
    ["ratelimit-policy", "ratelimit", "retry-after"].map((name) => headers.get(name));
  assert.deepEqual(rates(await post()), ['"slow";q=2;w=10', '"slow";r=1;t=5', null]);
  assert.deepEqual(rates(await post()), ['"slow";q=2;w=10', '"slow";r=0;t=10', null]);
  const refused = await post();
  assert.deepEqual(rates(refused), ['"slow";q=2;w=10', '"slow";r=0;t=10', "5"]);
  assert.deepEqual(await problemOf(refused), {
    status: 429,
    title: "Too Many Requests",
    detail: "at most 2 requests in 10 s: try again in 5 s",
  });
  const other = await post("root-s3cret");
  assert.deepEqual([other.status, ...rates(other)], [202, null, null, null]);
  nowMs = 5_000;
  assert.equal((await post()).status, 202);
  assert.equal((await post()).status, 429);
  assert.equal(publisher.published.length, 4);
});
