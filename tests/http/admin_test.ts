import assert from "node:assert/strict";
import { admin, type FunctionStatus } from "../../runtime/http/admin.ts";
import { NO_DEAD_LETTERS, NO_PARKED } from "./nothing.ts";
import { problemOf } from "./ingress_fixture.ts";

const STATUS: FunctionStatus = {
  name: "reserveInventory",
  triggers: ["orders.created"],
  emits: ["stock.reserved"],
  attempts: 5,
  timeout: "10s",
  concurrency: 16,
  inFlight: 2,
  breaker: "closed",
  dependencies: { PaymentService: "open" },
  pending: 7,
  ackPending: 2,
};

Deno.test("/functions shows every function", async () => {
  const response = await admin({
    checks: [],
    functions: () => Promise.resolve([STATUS]),
    deadLetters: NO_DEAD_LETTERS,
    parked: NO_PARKED,
  })
    .request("/functions");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), [STATUS]);
});

Deno.test("the admin listener answers for the health of the process as well", async () => {
  const checks = [{ name: "nats", timeoutMs: 1_000, run: () => "disconnected" }];
  const app = admin({ checks, functions: () => Promise.resolve([]), deadLetters: NO_DEAD_LETTERS, parked: NO_PARKED });
  assert.equal((await app.request("/health")).status, 503);
  assert.equal((await app.request("/health/ready")).status, 503);
  assert.equal((await app.request("/health/live")).status, 200);
});

Deno.test("another path is not found", async () => {
  const response = await admin({
    checks: [],
    functions: () => Promise.resolve([]),
    deadLetters: NO_DEAD_LETTERS,
    parked: NO_PARKED,
  })
    .request("/nowhere");
  assert.deepEqual(await problemOf(response), { status: 404, title: "Not Found", detail: "nothing is at /nowhere" });
});

Deno.test("a failure is told to the operator", async () => {
  const response = await admin({
    checks: [],
    functions: () => Promise.reject(new Error("no answer from NATS")),
    deadLetters: NO_DEAD_LETTERS,
    parked: NO_PARKED,
  })
    .request("/functions");
  assert.deepEqual(await problemOf(response), {
    status: 500,
    title: "Internal Server Error",
    detail: "no answer from NATS",
  });
});
