import { functionRoutes, type FunctionStatus } from "../../http/admin/function_routes.ts";
import type { RequestGuard } from "../../http/admin/guard.ts";
import type { RuntimeIdentity } from "../../http/admin/runtime_identity.ts";
import { type Health, type HealthReport, healthRoutes } from "../../http/health.ts";
import { metricsRoutes } from "../../http/admin/metrics_routes.ts";
import { Problem } from "../../http/problem.ts";
import { problemRoutes } from "../../http/problem_routes.ts";
import { type Handler, type RequestMeter, router } from "../../http/router.ts";
import { consoleHeaders, consoleRoutes } from "./console_routes.ts";
import type { SupervisedWorker, Supervisor } from "./supervisor.ts";

interface SupervisorAdminOptions {
  readonly supervisor: Pick<Supervisor, "workers" | "stopping">;
  readonly metrics: () => Promise<string>;
  readonly meter: RequestMeter;
  /** Refuses requests to the listener. */
  readonly guard: RequestGuard;
  readonly identity: RuntimeIdentity;
  /** Key of the workers' admin listeners. */
  readonly key?: string;
  /** Whether other machines reach the listener with the console. Default: there is no console. */
  readonly exposed?: boolean;
}

/** Timeout of a worker's health report in milliseconds: above the worker's checks (2 s), below a probe's timeout. */
const HEALTH_TIMEOUT_MS = 2_500;
/**
 * Timeout of the check that waits for the health reports, in milliseconds. It is longer than the timeout of a single
 * report, whose message is clearer.
 */
const CHECK_TIMEOUT_MS = HEALTH_TIMEOUT_MS + 100;
/** Timeout of a worker's function status in milliseconds. It includes the worker's requests to NATS. */
const FUNCTIONS_TIMEOUT_MS = 3_000;
/** Routes that concern the NATS cluster, so that any worker can answer. */
const CLUSTER_ROUTES = [
  { method: "GET", path: "/dead-letters" },
  { method: "POST", path: "/dead-letters/redrive" },
  { method: "GET", path: "/dead-letters/groups" },
  { method: "GET", path: "/dead-letters/:sequence" },
  { method: "DELETE", path: "/dead-letters/:sequence" },
  { method: "POST", path: "/dead-letters/:sequence/redrive" },
  { method: "GET", path: "/retries" },
  { method: "DELETE", path: "/retries/:sequence" },
  { method: "GET", path: "/openapi.json" },
  { method: "GET", path: "/asyncapi.json" },
  { method: "GET", path: "/schemas/:type" },
] as const;
/** Returns the admin interface of a supervisor. It has the routes of a process, with the numbers of all workers. */
export function supervisorAdmin(
  { supervisor, metrics, meter, guard, identity, key, exposed }: SupervisorAdminOptions,
): Handler {
  const headers: HeadersInit = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const adminUrls = () => supervisor.workers.flatMap(({ address }) => address?.adminUrl ?? []);
  const routes = [
    ...healthRoutes(readiness(supervisor), liveness(supervisor)),
    ...problemRoutes(),
    ...metricsRoutes(metrics),
    ...functionRoutes(async () => {
      const answers = await Promise.all(
        adminUrls().map((url) => getJson<FunctionStatus[]>(`${url}/functions`, FUNCTIONS_TIMEOUT_MS, headers)),
      );
      const statuses = answers.filter((answer) => Array.isArray(answer)); // an error is an object
      if (statuses.length === 0) throw noWorker();
      return mergeFunctions(statuses);
    }, identity),
    ...CLUSTER_ROUTES.map((route) => ({
      ...route,
      handle: async (request: Request) => forward(request, await firstToAnswer(adminUrls()), headers),
    })),
    ...exposed === undefined
      ? []
      : consoleRoutes((request) => forward(request, adminUrls()[0], consoleHeaders(request, exposed))),
  ];
  const problemOf = (error: unknown) =>
    error instanceof Problem ? error : new Problem("internal", (error as Error).message);
  return router(routes, { meter, problemOf, guard });
}

/**
 * Returns the readiness of the workers. One ready worker is enough: the others accept no connections, answer that they
 * are not ready, or will be restarted.
 */
function readiness(supervisor: SupervisorAdminOptions["supervisor"]): Health {
  let problems: Record<string, string> = {};
  const workers = async () => {
    if (supervisor.stopping) return "shutting down";
    const reports = await Promise.all(supervisor.workers.map(reportOf));
    problems = Object.fromEntries(
      reports.flatMap((report, at) =>
        Object.entries(problemsOf(report)).map(([check, problem]) => [`worker ${at + 1}: ${check}`, problem])
      ),
    );
    if (reports.some(({ status }) => status === "OK")) return undefined;
    return Object.entries(problems).map(([check, problem]) => `${check}: ${problem}`).join("; ");
  };
  return { checks: [{ name: "workers", timeoutMs: CHECK_TIMEOUT_MS, run: workers }], degraded: () => problems };
}

/** Returns the liveness of the workers. Each worker that is up must answer, or it is hung. */
function liveness(supervisor: SupervisorAdminOptions["supervisor"]): Health {
  return {
    checks: supervisor.workers.map((worker) => ({
      name: `worker ${worker.number}`,
      timeoutMs: CHECK_TIMEOUT_MS,
      run: async () => {
        const { address } = worker;
        if (!address) return undefined; // it is starting, or will be restarted
        const report = await getJson<HealthReport>(`${address.adminUrl}/health/live`, HEALTH_TIMEOUT_MS);
        return report?.status === "OK" || worker.address !== address ? undefined : "no answer";
      },
    })),
  };
}

async function reportOf({ address, lastExit }: SupervisedWorker): Promise<HealthReport> {
  const report = address && await getJson<HealthReport>(`${address.adminUrl}/health/ready`, HEALTH_TIMEOUT_MS);
  const error = address ? "no answer" : lastExit ? `${lastExit}, and will be restarted` : "starting";
  return report ?? { status: "Unhealthy", checks: { process: { status: "Unhealthy", error } } };
}

function problemsOf({ checks, degraded }: HealthReport): Record<string, string> {
  const failed = Object.entries(checks).flatMap(([name, { error }]) => error === undefined ? [] : [[name, error]]);
  return { ...Object.fromEntries(failed), ...degraded };
}

async function forward(request: Request, adminUrl: string | undefined, headers: HeadersInit): Promise<Response> {
  if (!adminUrl) throw noWorker();
  const { pathname, search } = new URL(request.url), { method, body } = request;
  try {
    const response = await fetch(`${adminUrl}${pathname}${search}`, { method, headers, body });
    return new Response(response.body, response);
  } catch (error) {
    throw new Problem("unavailable", `the worker did not answer the forwarded request: ${(error as Error).message}`);
  }
}

/** Returns the first worker that answers: a request that is forwarded to a hung one would wait without end. */
async function firstToAnswer(adminUrls: readonly string[]): Promise<string | undefined> {
  const answers = adminUrls.map(async (url) =>
    await getJson(`${url}/health/live`, HEALTH_TIMEOUT_MS) ? url : Promise.reject()
  );
  return await Promise.any(answers).catch(() => undefined);
}

function noWorker(): Problem {
  return new Problem("unavailable", "no worker answers: GET /health says why");
}

/** Returns the JSON of a response with any status, or undefined if none arrives in time. */
async function getJson<Answer>(url: string, timeoutMs: number, headers?: HeadersInit): Promise<Answer | undefined> {
  try {
    return await (await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) })).json();
  } catch {
    return undefined;
  }
}

/** States of a breaker, from best to worst. */
const BREAKER_STATES = ["unknown", "closed", "half-open", "open"];

type KeyStatus = NonNullable<FunctionStatus["keys"]>;
type RateStatus = NonNullable<FunctionStatus["rate"]>;
/** States of a rate, from best to worst. */
const RATE_STATES: readonly RateStatus["state"][] = ["free", "used-up", "local"];

type OrderStatus = NonNullable<FunctionStatus["order"]>;
/** States of an order: that of the process which receives the events counts. */
const ORDER_STATES: readonly OrderStatus["state"][] = ["standby", "taking-over", "holder"];

/** Merges the statuses that several processes report of the same functions, in the order of the first process. */
export function mergeFunctions(all: readonly (readonly FunctionStatus[])[]): FunctionStatus[] {
  const merged = new Map<string, FunctionStatus>();
  for (const status of all.flat()) {
    const before = merged.get(status.name);
    merged.set(status.name, before ? mergeTwo(before, status) : status);
  }
  return [...merged.values()];
}

function mergeTwo(a: FunctionStatus, b: FunctionStatus): FunctionStatus {
  const pausedUntil = a.pausedUntil ?? b.pausedUntil, problem = a.problem ?? b.problem;
  const names = new Set([...Object.keys(a.dependencies), ...Object.keys(b.dependencies)]);
  return {
    ...a,
    // A process knows the policies of the dependencies that it has called.
    policy: { ...a.policy, dependencies: { ...b.policy.dependencies, ...a.policy.dependencies } },
    concurrency: a.concurrency + b.concurrency,
    inFlight: a.inFlight + b.inFlight,
    breaker: worst(a.breaker, b.breaker),
    dependencies: Object.fromEntries(
      [...names].map((name) => [name, worst(a.dependencies[name], b.dependencies[name])]),
    ),
    ...((a.notShared ?? b.notShared) && { notShared: { ...a.notShared, ...b.notShared } }),
    ...(a.limit !== undefined && b.limit !== undefined && { limit: a.limit + b.limit }),
    ...(a.keys && b.keys && { keys: sumOfKeys(a.keys, b.keys) }),
    ...(a.rate && b.rate && { rate: worstRate(a.rate, b.rate) }),
    ...(a.order && b.order && { order: mergeOrder(a.order, b.order) }),
    // Counts of the server, which are equal in every process.
    pending: a.pending ?? b.pending,
    ackPending: a.ackPending ?? b.ackPending,
    delayedRetries: a.delayedRetries ?? b.delayedRetries,
    oldestWaitingMs: a.oldestWaitingMs ?? b.oldestWaitingMs,
    lastError: later(a.lastError, b.lastError),
    ...(pausedUntil && { pausedUntil }),
    ...(problem !== undefined && { problem }),
  };
}

function worst(a = "unknown", b = "unknown"): string {
  return BREAKER_STATES.indexOf(a) >= BREAKER_STATES.indexOf(b) ? a : b;
}

function worstRate(a: RateStatus, b: RateStatus): RateStatus {
  const state = RATE_STATES.indexOf(a.state) >= RATE_STATES.indexOf(b.state) ? a.state : b.state;
  return { state, waiting: a.waiting + b.waiting };
}

/** A key that several processes know counts for each of them. */
function sumOfKeys(a: KeyStatus, b: KeyStatus): KeyStatus {
  return { known: a.known + b.known, waiting: a.waiting + b.waiting, skipped: a.skipped + b.skipped };
}

function mergeOrder(a: OrderStatus, b: OrderStatus): OrderStatus {
  const state = ORDER_STATES.indexOf(a.state) >= ORDER_STATES.indexOf(b.state) ? a.state : b.state;
  const parkedKeys = a.parkedKeys + b.parkedKeys;
  const partitions = a.partitions && [...new Set([...a.partitions, ...b.partitions ?? []])].sort((a, b) => a - b);
  return {
    state,
    waiting: a.waiting + b.waiting,
    blockedKeys: a.blockedKeys + b.blockedKeys,
    parkedKeys,
    ...(partitions && { partitions }),
  };
}

function later(a: FunctionStatus["lastError"], b: FunctionStatus["lastError"]): FunctionStatus["lastError"] {
  if (!a || !b) return a ?? b;
  return a.at >= b.at ? a : b; // ISO 8601 in UTC sorts as text
}
