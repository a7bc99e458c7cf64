import assert from "node:assert/strict";
import { errors } from "@nats-io/transport-node";
import { adminProblems } from "../../../runtime/app/problems.ts";
import { deadLetterRoutes, type DeadLetters } from "../../../runtime/http/admin/dead_letter_routes.ts";
import { functionRoutes, type FunctionStatus } from "../../../runtime/http/admin/function_routes.ts";
import { identityHeaders, identityIn } from "../../../runtime/http/admin/runtime_identity.ts";
import { metricsRoutes } from "../../../runtime/http/admin/metrics_routes.ts";
import { type Retries, retryRoutes } from "../../../runtime/http/admin/retry_routes.ts";
import { type Health, healthRoutes } from "../../../runtime/http/health.ts";
import { router } from "../../../runtime/http/router.ts";
import { POLICY } from "../../support/default_policy.ts";
import { problemOf, request } from "../../support/ingress.ts";

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
const IDENTITY = { project: "@größe/shop", namespace: "staging", nats: "nats://a:4222,nats://b:4222" };
const PAGE = "# HELP weir_nats_connected 1 while NATS is connected and answers.\n";

/** No dead letters. */
const NO_DEAD_LETTERS: DeadLetters = {
  async *list() {},
  groups: () => Promise.resolve({ groups: [], ungrouped: 0 }),
  read: () => Promise.resolve(undefined),
  redrive: () => Promise.resolve("missing"),
  redriveAll: () =>
    Promise.resolve({
      redriven: 0,
      "held-back": 0,
      "no-function": 0,
      "too-large": 0,
      parked: 0,
      missing: 0,
      failed: 0,
    }),
  discard: () => Promise.resolve(false),
};

/** No delayed retries. */
const NO_RETRIES: Retries = { async *list() {}, cancel: () => Promise.resolve(false) };

/** The project's functions, and one that ran before. */
const KNOWN = {
  names: ["reserveInventory", "capturePayment"],
  ran: (name: string) => Promise.resolve(name === "removedLater"),
};

/** Sends a request to an admin listener. */
function send(path: string, options: {
  readonly method?: string;
  readonly health?: Health;
  readonly functions?: () => Promise<readonly FunctionStatus[]>;
  readonly outage?: string;
} = {}): Promise<Response> {
  const { method = "GET", health = { checks: [] }, functions = () => Promise.resolve([]), outage } = options;
  const routes = [
    ...healthRoutes(health),
    ...metricsRoutes(() => Promise.resolve(PAGE)),
    ...functionRoutes(functions, IDENTITY),
    ...deadLetterRoutes(NO_DEAD_LETTERS, KNOWN),
    ...retryRoutes(NO_RETRIES, KNOWN),
  ];
  return request(router(routes, { problemOf: adminProblems(() => outage) }), path, { method });
}

Deno.test("GET /functions returns every function", async () => {
  const response = await send("/functions", { functions: () => Promise.resolve([STATUS]) });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), [STATUS]);
});

Deno.test("GET /functions names its project, namespace and NATS in headers", async () => {
  assert.deepEqual(identityIn((await send("/functions")).headers), IDENTITY);
  for (const identity of [{ nats: "nats://a:4222" }, { project: "100%", nats: "" }]) {
    assert.deepEqual(identityIn(new Headers(identityHeaders(identity))), identity);
  }
});

Deno.test("identityIn returns nothing for headers of an earlier release or another program", () => {
  assert.equal(identityIn(new Headers()), undefined);
  assert.deepEqual(identityIn(new Headers({ "weir-nats": "%" })), { nats: "%" });
});

Deno.test("GET /health on the admin listener reports the health of the process", async () => {
  const checks = [{ name: "nats", timeoutMs: 1_000, run: () => "disconnected" }];
  const statusOf = async (path: string) => (await send(path, { health: { checks } })).status;
  assert.equal(await statusOf("/health"), 503);
  assert.equal(await statusOf("/health/ready"), 503);
  assert.equal(await statusOf("/health/live"), 200);
});

Deno.test("GET and HEAD /metrics return the text format of Prometheus", async () => {
  for (const [method, body] of [["GET", PAGE], ["HEAD", ""]]) {
    const response = await send("/metrics", { method });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(await response.text(), body);
  }
  const refused = await send("/metrics", { method: "POST" });
  assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
});

const misspelt: [method: string, path: string, known: string][] = [
  ["POST", "/dead-letters/redrive?dryRun=true", "function, reason, type, olderThan, newerThan, error, limit, force"],
  ["POST", "/dead-letters/7/redrive?forced=true", "force"],
  ["GET", "/dead-letters?functions=pay", "function, reason, type, olderThan, newerThan, error, limit"],
  ["GET", "/retries?functions=pay", "function, type, limit"],
];
for (const [method, path, known] of misspelt) {
  Deno.test(`${method} ${path} answers 400 and does nothing`, async () => {
    const name = path.replace(/^.*\?(\w+)=.*$/, "$1");
    assert.deepEqual(await problemOf(await send(path, { method })), {
      status: 400,
      title: "Malformed request",
      detail: `unknown parameter ${name}; known are: ${known}`,
    });
  });
}

const wrong: [method: string, path: string, detail: RegExp][] = [
  ["GET", "/dead-letters?function=", /^function: "" cannot be a function's name: /],
  ["GET", "/dead-letters?function=a%20b", /^function: "a b" cannot be/],
  ["GET", "/retries?function=*", /^function: "\*" cannot be/],
  ["POST", "/dead-letters/redrive?function=%3E", /^function: ">" cannot be/],
  ["POST", "/dead-letters/redrive?function=", /^function: "" cannot be/],
  ["GET", "/dead-letters?type=a%20b", /^type: "a b" is not a subject pattern: it has white space/],
  ["GET", "/retries?type=", /^type: "" is not a subject pattern: it has an empty token/],
  ["GET", "/dead-letters?reason=crashd", /^reason is one of .*: did you mean "crashed"\?$/],
  ["GET", "/dead-letters?function=pay&function=ship", /^function is given more than once$/],
  ["POST", "/dead-letters/redrive?force=yes", /^force is one of true, false$/],
  ["POST", "/dead-letters/7/redrive?force=", /^force is one of true, false$/],
  ["GET", "/dead-letters?limit=1001", /^limit is 1000 at most/],
  ["GET", "/retries?limit=999999999", /^limit is 1000 at most/],
];
for (const [method, path, detail] of wrong) {
  Deno.test(`${method} ${path} answers 400, since it can select nothing`, async () => {
    const problem = await problemOf(await send(path, { method }));
    assert.equal(problem.status, 400);
    assert.match(problem.detail, detail);
  });
}

for (const [method, path] of [["GET", "/dead-letters"], ["GET", "/retries"], ["POST", "/dead-letters/redrive"]]) {
  Deno.test(`${method} ${path} answers 404 for a function that there is not`, async () => {
    const of = async (name: string) => await send(`${path}?function=${name}`, { method });
    assert.deepEqual(await problemOf(await of("capturePaymnt")), {
      status: 404,
      title: "Not Found",
      detail: 'there is no function "capturePaymnt": did you mean "capturePayment"?',
    });
    for (const name of ["capturePayment", "removedLater"]) assert.equal((await of(name)).status, 200, name);
  });
}

Deno.test("GET /nowhere answers 404", async () => {
  const response = await send("/nowhere");
  assert.deepEqual(await problemOf(response), { status: 404, title: "Not Found", detail: "nothing is at /nowhere" });
});

Deno.test("GET /functions answers 500 with the message of an unexpected error", async () => {
  const response = await send("/functions", { functions: () => Promise.reject(new Error("no answer from NATS")) });
  assert.deepEqual(await problemOf(response), {
    status: 500,
    title: "Internal Server Error",
    detail: "no answer from NATS",
  });
});

Deno.test("GET /functions answers 503 with Retry-After while NATS does not answer", async () => {
  const functions = () => Promise.reject(new Error("timeout", { cause: new errors.TimeoutError() }));
  const response = await send("/functions", { functions });
  assert.equal(response.headers.get("retry-after"), "5");
  assert.deepEqual(await problemOf(response), {
    status: 503,
    title: "Service Unavailable",
    detail: "NATS does not answer: timeout; ask again",
  });
  const known = await send("/functions", { functions, outage: "disconnected" });
  assert.equal((await problemOf(known)).detail, "NATS does not answer: disconnected; ask again");
});
