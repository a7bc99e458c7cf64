import assert from "node:assert/strict";
import { ConsoleAccess, CSRF_HEADER } from "../../runtime/console/access.ts";
import { EXPOSED_HEADER } from "../../runtime/http/admin/guard.ts";
import type { Problem } from "../../runtime/http/problem.ts";

const KEY = "k3y-of-operators", NOW_MS = Date.UTC(2026, 0, 1), HOUR_MS = 3_600_000;
const SENT = { [CSRF_HEADER]: "1" };

function request(
  headers: Record<string, string> = {},
  method = "GET",
  url = "http://127.0.0.1:9090/console/api/graph",
) {
  return new Request(url, { method, headers });
}

/** Returns the cookie of a caller that signed in with the key. */
function signedIn(access: ConsoleAccess, atMs = NOW_MS): string {
  return access.signIn(request(SENT, "POST"), KEY, atMs).split(";")[0];
}

const own = new ConsoleAccess({ mode: "on", exposed: false });
const keyed = new ConsoleAccess({ mode: "on", exposed: true, key: KEY });
const reading = new ConsoleAccess({ mode: "read-only", exposed: false });
const open = new ConsoleAccess({ mode: "on", exposed: true });
const tampered = signedIn(keyed).replace(/=(\d+)/, (_, until) => `=${Number(until) + 1}`);

for (
  const [what, access, headers, expected] of [
    ["a caller on loopback", own, {}, "full"],
    ["a caller on loopback that a listener beyond it forwards", own, { [EXPOSED_HEADER]: "1" }, "no-key"],
    ["a caller on loopback of a read-only console", reading, {}, "read-only"],
    ["a caller beyond loopback without a key", open, {}, "no-key"],
    ["a caller without the key", keyed, {}, "sign-in"],
    ["a caller with another key", keyed, { authorization: "Bearer other" }, "sign-in"],
    ["a caller with the key", keyed, { authorization: `Bearer ${KEY}` }, "full"],
    ["a caller with the cookie", keyed, { cookie: `a=b; ${signedIn(keyed)}; c=d` }, "full"],
    ["a caller with a cookie for a longer time", keyed, { cookie: tampered }, "sign-in"],
    ["a caller with a cookie without a signature", keyed, { cookie: "weir_console=99999999999999." }, "sign-in"],
    ["a caller with the cookie of yesterday", keyed, { cookie: signedIn(keyed, NOW_MS - 24 * HOUR_MS) }, "sign-in"],
    [
      "a caller with the cookie of another key",
      new ConsoleAccess({ mode: "on", exposed: true, key: "another" }),
      { cookie: signedIn(keyed) },
      "sign-in",
    ],
  ] as const
) {
  Deno.test(`ConsoleAccess.of returns ${expected} for ${what}`, () => {
    assert.equal(access.of(request(headers), NOW_MS), expected);
  });
}

for (
  const [what, access, headers, method, status] of [
    ["reads", own, {}, "GET", undefined],
    ["changes something", own, SENT, "POST", undefined],
    ["changes something as a form would", own, {}, "POST", 403],
    ["deletes something as a page would", own, {}, "DELETE", 403],
    ["reads a read-only console", reading, {}, "GET", undefined],
    ["changes something of a read-only console", reading, SENT, "POST", 403],
    ["reads without the key", keyed, {}, "GET", 401],
    ["reads beyond loopback without a key", open, {}, "GET", 401],
    ["changes something with the key, but as a form would", keyed, { authorization: `Bearer ${KEY}` }, "POST", 403],
  ] as const
) {
  Deno.test(`ConsoleAccess.check answers ${status ?? "nothing"} to a caller that ${what}`, () => {
    const check = () => access.check(request(headers, method), NOW_MS);
    if (status === undefined) return check();
    assert.throws(check, (problem) => (problem as Problem).status === status);
  });
}

Deno.test("ConsoleAccess.signIn sets a cookie that no script reads and no other site sends", () => {
  const cookie = keyed.signIn(request(SENT, "POST"), KEY, NOW_MS);
  assert.match(cookie, /^weir_console=\d+\.[\w-]{43}; Path=\/console; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  const proxied = keyed.signIn(request({ ...SENT, "x-forwarded-proto": "https" }, "POST"), KEY, NOW_MS);
  assert.match(proxied, /; Secure$/);
  assert.match(keyed.signOut(request(SENT, "POST")), /^weir_console=; Path=\/console; Max-Age=0; /);
});

Deno.test("ConsoleAccess.signIn refuses wrong keys, and after twenty in a minute every key until the next", () => {
  const access = new ConsoleAccess({ mode: "on", exposed: true, key: KEY });
  const statusOf = (key: string, nowMs: number) => {
    try {
      access.signIn(request(SENT, "POST"), key, nowMs);
      return 204;
    } catch (problem) {
      return (problem as Problem).status;
    }
  };
  assert.throws(() => access.signIn(request({}, "POST"), KEY, NOW_MS), /send the header x-weir-console/);
  for (let n = 0; n < 20; n++) assert.equal(statusOf("wrong", NOW_MS), 401);
  assert.deepEqual([statusOf("wrong", NOW_MS), statusOf(KEY, NOW_MS)], [429, 429]);
  assert.equal(statusOf(KEY, NOW_MS + 60_000), 204);
});
