import assert from "node:assert/strict";
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { TokenKeys } from "../../runtime/http/token_keys.ts";
import { eventually } from "../support/eventually.ts";

const MINUTE_MS = 60_000, DAY_MS = 24 * 60 * MINUTE_MS;
const pair = await generateKeyPair("ES256");
const SET = JSON.stringify({ keys: [{ ...await exportJWK(pair.publicKey), kid: "k1", alg: "ES256" }] });
const TOKEN = await new SignJWT({}).setProtectedHeader({ alg: "ES256", kid: "k1" }).sign(pair.privateKey);

/** Serves a key set that a test changes, on a clock that it sets. */
function serve() {
  const state = { nowMs: 1_000_000, body: SET, fetches: 0, failures: 0 };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    state.fetches++;
    return new Response(state.body);
  });
  const keys = new TokenKeys({
    keysUrl: `http://127.0.0.1:${server.addr.port}/`,
    clock: { now: () => state.nowMs },
    onFailure: () => void state.failures++,
  });
  const verify = () => jwtVerify(TOKEN, keys.get);
  return { state, verify, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("TokenKeys fetches the keys again after ten minutes, and keeps them for a day of failures", async () => {
  await using served = serve();
  const { state, verify } = served;
  await verify();
  state.nowMs += 9 * MINUTE_MS;
  await verify();
  assert.equal(state.fetches, 1);
  for (const body of ["garbage", "[]", "{}"]) {
    state.body = body;
    state.nowMs += 2 * MINUTE_MS;
    const { failures } = state;
    await verify();
    await eventually(() => state.failures > failures);
  }
  assert.equal(state.fetches, 4);
  state.nowMs += DAY_MS;
  await assert.rejects(verify);
  state.nowMs += MINUTE_MS;
  state.body = SET;
  await verify();
});

Deno.test("TokenKeys fetches no keys for some seconds after a failure", async () => {
  await using served = serve();
  const { state, verify } = served;
  state.body = "garbage";
  for (let i = 0; i < 3; i++) await assert.rejects(verify, /JSON Web Key Set/);
  assert.deepEqual([state.fetches, state.failures], [1, 1]);
  state.body = SET;
  state.nowMs += 5_000;
  await Promise.all([verify(), verify(), verify()]);
  assert.equal(state.fetches, 2);
});
