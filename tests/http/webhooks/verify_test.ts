import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import type { Signature } from "../../../runtime/api/webhook.ts";
import { Problem } from "../../../runtime/http/problem.ts";
import { verifySignature } from "../../../runtime/http/webhooks/verify.ts";

interface Vector {
  readonly signature: Signature;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Seconds since 1970. Default: the scheme signs no time. */
  readonly signedAt?: number;
}

/** Requests that the documentation of each scheme gives, with their signatures. Stripe's is signed by OpenSSL. */
const vectors: Record<string, Vector> = {
  "standard-webhooks": {
    signature: { scheme: "standard-webhooks", secret: "S" },
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    body: '{"test": 2432232314}',
    signedAt: 1_614_265_330,
  },
  github: {
    signature: { scheme: "github", secret: "S" },
    secret: "It's a Secret to Everybody",
    headers: {
      "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    },
    body: "Hello, World!",
  },
  stripe: {
    signature: { scheme: "stripe", secret: "S" },
    secret: "whsec_test_secret",
    headers: {
      "stripe-signature": "v0=00,t=1492774577,v1=654b43d3508ecadb3f8cefc4bc7d3d2bdc5ba9e03bf2c89b2d0657a8e24e4543",
    },
    body: '{"id":"evt_1","object":"event"}',
    signedAt: 1_492_774_577,
  },
  slack: {
    signature: { scheme: "slack", secret: "S" },
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    headers: {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&" +
      "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=" +
      "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&" +
      "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    signedAt: 1_531_420_618,
  },
  // RFC 4231 and RFC 2202, test case 2
  "hmac sha256": {
    signature: { scheme: "hmac", secret: "S", header: "x-signature" },
    secret: "Jefe",
    headers: { "x-signature": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    body: "what do ya want for nothing?",
  },
  "hmac sha1 in base64, with a prefix": {
    signature: { scheme: "hmac", secret: "S", header: "x-signature", hash: "sha1", encoding: "base64", prefix: "v=" },
    secret: "Jefe",
    headers: { "x-signature": "v=7/zfauXrL6LSdBbV8YTfnCWafHk=" },
    body: "what do ya want for nothing?",
  },
};

/** Returns the code of the problem with a request, or "valid". */
function verdict(
  { signature, secret, headers, body, signedAt = 0 }: Vector,
  { secrets = [secret], lateSeconds = 0 }: { secrets?: string[]; lateSeconds?: number } = {},
): string {
  const request = {
    headers: new Headers(headers),
    body: new TextEncoder().encode(body),
    nowMs: (signedAt + lateSeconds) * 1_000,
  };
  try {
    verifySignature(signature, secrets, request);
    return "valid";
  } catch (error) {
    assert(error instanceof Problem, String(error));
    assert.equal(error.code, "unauthorized");
    return error.detail;
  }
}

const headerOf = ({ headers }: Vector) => Object.keys(headers).find((name) => name.includes("signature"))!;
const wrong = (vector: Vector) => `the signature in ${headerOf(vector)} is not that of this request`;

for (const [name, vector] of Object.entries(vectors)) {
  const { headers, body, signedAt, secret } = vector, header = headerOf(vector);

  Deno.test(`verifySignature accepts a request that ${name} signs`, () => assert.equal(verdict(vector), "valid"));

  Deno.test(`verifySignature refuses a tampered body, signature or secret of ${name}`, () => {
    assert.equal(verdict({ ...vector, body: `${body} ` }), wrong(vector));
    assert.equal(verdict({ ...vector, body: "" }), wrong(vector));
    assert.equal(verdict(vector, { secrets: [`${secret.slice(0, -2)}0b`] }), wrong(vector));
    assert.equal(verdict(vector, { secrets: [] }), wrong(vector));
    const signature = headers[header], cut = { ...headers, [header]: signature.slice(0, signature.length - 4) };
    assert.notEqual(verdict({ ...vector, headers: cut }), "valid");
  });

  Deno.test(`verifySignature refuses a request without a signature of ${name}`, () => {
    const { [header]: _, ...others } = headers, missing = `the request has no signature: it is expected in ${header}`;
    assert.equal(verdict({ ...vector, headers: others }), missing);
    for (const text of ["", "sha256", "=", "v0", "t=,v1=", "v1,", "v0=zz"]) {
      assert.notEqual(verdict({ ...vector, headers: { ...headers, [header]: text } }), "valid");
    }
  });

  Deno.test(`verifySignature accepts any of several secrets of ${name}`, () => {
    const other = name === "standard-webhooks" ? "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" : "other";
    assert.equal(verdict(vector, { secrets: [other, secret] }), "valid");
    assert.equal(verdict(vector, { secrets: [secret, other] }), "valid");
  });

  if (signedAt === undefined) continue;
  Deno.test(`verifySignature refuses a request of ${name} that was signed too long ago, or later than now`, () => {
    const late = "the request was not signed within 5m of now: check both clocks, or send it again";
    for (const lateSeconds of [300, -300]) assert.equal(verdict(vector, { lateSeconds }), "valid");
    for (const lateSeconds of [301, -301, 86_400]) assert.equal(verdict(vector, { lateSeconds }), late);
    const wide = { ...vector.signature, tolerance: "1h" } as Signature;
    assert.equal(verdict({ ...vector, signature: wide }, { lateSeconds: 3_600 }), "valid");
  });

  Deno.test(`verifySignature refuses another time than ${name} signed`, () => {
    const moved = Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key, value.replace(String(signedAt), String(signedAt + 60))]),
    );
    assert.equal(verdict({ ...vector, headers: moved }), wrong(vector));
  });
}

Deno.test("verifySignature accepts one right signature among those of a sender that rotates its secret", () => {
  const { headers, ...standard } = vectors["standard-webhooks"], { headers: stripe } = vectors.stripe;
  const given = headers["webhook-signature"];
  const several = { ...headers, "webhook-signature": `v1a,AAAA v1,AAAA ${given} v2,xyz` };
  assert.equal(verdict({ ...standard, headers: several }), "valid");
  const [, time, right] = stripe["stripe-signature"].split(",");
  const both = { "stripe-signature": `${time}, v1=${"0".repeat(64)}, ${right}` };
  assert.equal(verdict({ ...vectors.stripe, headers: both }), "valid");
});

Deno.test("verifySignature refuses two headers of a scheme with one signature", () => {
  for (const name of ["github", "slack", "hmac sha256"]) {
    const { headers, ...vector } = vectors[name], header = headerOf({ headers, ...vector });
    const twice = { ...headers, [header]: `${headers[header]}, ${headers[header]}` };
    assert.equal(verdict({ ...vector, headers: twice }), wrong({ headers, ...vector }));
  }
});

Deno.test("verifySignature accepts the headers that Svix sends", () => {
  const vector = vectors["standard-webhooks"];
  const headers = Object.fromEntries(
    Object.entries(vector.headers).map(([name, value]) => [name.replace("webhook-", "svix-"), value]),
  );
  assert.equal(verdict({ ...vector, headers }), "valid");
});

Deno.test("verifySignature accepts the right key alone, whatever the body and the key are", () => {
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 50 });
  fc.assert(fc.property(text, text, text, (body, secret, other) => {
    const signed = createHmac("sha256", secret).update(body).digest("hex");
    const vector = { ...vectors["hmac sha256"], body, headers: { "x-signature": signed } };
    assert.equal(verdict(vector, { secrets: [secret] }), "valid");
    const isSame = createHmac("sha256", other).update(body).digest("hex") === signed; // zeros pad a key
    assert.equal(verdict(vector, { secrets: [other] }) === "valid", isSame);
  }));
});
