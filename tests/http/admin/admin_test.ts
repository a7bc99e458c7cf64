import assert from "node:assert/strict";
import { admin, type FunctionStatus } from "../../../runtime/http/admin/admin.ts";
import { NO_DEAD_LETTERS, NO_RETRIES, POLICY } from "../nothing.ts";
import { problemOf } from "../ingress_fixture.ts";

const STATUS: FunctionStatus = {
  name: "reserveInventory",
  triggers: ["orders.created"],
  emits: ["stock.reserved"],
  policy: POLICY,
  attempts: 5,
  timeout: "10s",
  concurrency: 16,
  inFlight: 2,
  breaker: "closed",
  dependencies: { PaymentService: "open" },
  pending: 7,
  ackPending: 2,
  delayedRetries: 1,
  oldestWaitingMs: 1_500,
  lastError: { at: "2026-11-21T10:00:00.000Z", reason: "timed-out", error: "TimeoutError: too slow" },
};
const PAGE = "# HELP weir_nats_connected 1 while NATS is connected and answers.\n";
const NOTHING = {
  health: { checks: [] },
  functions: () => Promise.resolve([]),
  metrics: () => Promise.resolve(PAGE),
  deadLetters: NO_DEAD_LETTERS,
  retries: NO_RETRIES,
};

Deno.test("/functions shows every function", async () => {
  const response = await admin({ ...NOTHING, functions: () => Promise.resolve([STATUS]) }).request("/functions");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), [STATUS]);
});

Deno.test("the admin listener answers for the health of the process as well", async () => {
  const checks = [{ name: "nats", timeoutMs: 1_000, run: () => "disconnected" }];
  const app = admin({ ...NOTHING, health: { checks } });
  assert.equal((await app.request("/health")).status, 503);
  assert.equal((await app.request("/health/ready")).status, 503);
  assert.equal((await app.request("/health/live")).status, 200);
});

Deno.test("/metrics is a page in the text format of Prometheus, for GET and HEAD", async () => {
  for (const [method, body] of [["GET", PAGE], ["HEAD", ""]]) {
    const response = await admin(NOTHING).request("/metrics", { method });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(await response.text(), body);
  }
  const refused = await admin(NOTHING).request("/metrics", { method: "POST" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
});

const misspelt: [method: string, path: string, known: string][] = [
  ["POST", "/dead-letters/redrive?dryRun=true", "function, reason, type, olderThan, newerThan, limit, force"],
  ["POST", "/dead-letters/7/redrive?forced=true", "force"],
  ["GET", "/dead-letters?functions=pay", "function, reason, type, olderThan, newerThan, limit"],
  ["GET", "/retries?functions=pay", "function, type, limit"],
];
for (const [method, path, known] of misspelt) {
  Deno.test(`${method} ${path} is refused, and does nothing`, async () => {
    const name = path.replace(/^.*\?(\w+)=.*$/, "$1");
    assert.deepEqual(await problemOf(await admin(NOTHING).request(path, { method })), {
      status: 400,
      title: "Malformed request",
      detail: `no parameter is called ${name}; there are: ${known}`,
    });
  });
}

Deno.test("another path is not found", async () => {
  const response = await admin(NOTHING).request("/nowhere");
  assert.deepEqual(await problemOf(response), { status: 404, title: "Not Found", detail: "nothing is at /nowhere" });
});

Deno.test("a failure is told to the operator", async () => {
  const response = await admin({ ...NOTHING, functions: () => Promise.reject(new Error("no answer from NATS")) })
    .request("/functions");
  assert.deepEqual(await problemOf(response), {
    status: 500,
    title: "Internal Server Error",
    detail: "no answer from NATS",
  });
});
