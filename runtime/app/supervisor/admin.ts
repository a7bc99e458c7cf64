import { functionRoutes, type FunctionStatus } from "../../http/admin/function_routes.ts";
import { type Health, type HealthReport, healthRoutes } from "../../http/health.ts";
import { metricsRoutes } from "../../http/admin/metrics_routes.ts";
import { Problem } from "../../http/problem.ts";
import { type Handler, type RequestMeter, router } from "../../http/router.ts";
import { mergeFunctions } from "./merge_functions.ts";
import type { Place, Supervisor } from "./supervisor.ts";

/** What the interface stands on. */
interface SupervisorAdminOptions {
  readonly supervisor: Pick<Supervisor, "places" | "stopping">;
  readonly metrics: () => Promise<string>;
  readonly meter: RequestMeter;
}

/** Longer than a worker's own checks take, and shorter than a probe waits. */
const CHECK_MS = 2_500;
const FUNCTIONS_MS = 3_000;
/** Routes about the cluster, not one process: every worker answers them the same. */
const OF_THE_CLUSTER = [
  { method: "GET", path: "/dead-letters" },
  { method: "POST", path: "/dead-letters/redrive" },
  { method: "GET", path: "/dead-letters/:sequence" },
  { method: "DELETE", path: "/dead-letters/:sequence" },
  { method: "POST", path: "/dead-letters/:sequence/redrive" },
  { method: "GET", path: "/retries" },
  { method: "DELETE", path: "/retries/:sequence" },
] as const;

/** Returns the admin interface over all workers: that of one process, but its numbers are those of all. */
export function supervisorAdmin({ supervisor, metrics, meter }: SupervisorAdminOptions): Handler {
  const addresses = () => supervisor.places.flatMap(({ address }) => address?.adminUrl ?? []);
  const forward = async (request: Request) => handOn(request, await firstToAnswer(addresses()));
  const routes = [
    ...healthRoutes(readiness(supervisor), liveness(supervisor)),
    ...metricsRoutes(metrics),
    ...functionRoutes(async () => {
      const said = await Promise.all(addresses().map((url) => ask<FunctionStatus[]>(`${url}/functions`, FUNCTIONS_MS)));
      const known = said.filter((functions) => Array.isArray(functions));
      if (known.length === 0) throw nobody();
      return mergeFunctions(known);
    }),
    ...OF_THE_CLUSTER.map((route) => ({ ...route, handle: forward })),
  ];
  const problemOf = (error: unknown) =>
    error instanceof Problem ? error : new Problem("internal", (error as Error).message);
  return router(routes, { meter, problemOf });
}

/** Ready while one worker is: those that are not take no connections, or say so, and are started again. */
function readiness(supervisor: SupervisorAdminOptions["supervisor"]): Health {
  let worse: Record<string, string> = {};
  const workers = async () => {
    if (supervisor.stopping) return "shutting down";
    const reports = await Promise.all(supervisor.places.map(reportOf));
    worse = Object.fromEntries(
      reports.flatMap((report, at) =>
        Object.entries(problemsOf(report)).map(([what, how]) => [`worker ${at + 1}: ${what}`, how])
      ),
    );
    if (reports.some(({ status }) => status === "OK")) return undefined;
    return Object.entries(worse).map(([what, how]) => `${what}: ${how}`).join("; ");
  };
  return { checks: [{ name: "workers", timeoutMs: CHECK_MS + 100, run: workers }], degraded: () => worse };
}

/** Alive while every worker that is up has a thread that is free now and then: one that has not is hung. */
function liveness(supervisor: SupervisorAdminOptions["supervisor"]): Health {
  return {
    checks: supervisor.places.map((place) => ({
      name: `worker ${place.number}`,
      timeoutMs: CHECK_MS + 100,
      run: async () => {
        const { address } = place;
        if (!address) return undefined; // it starts, or is started again
        const report = await ask<HealthReport>(`${address.adminUrl}/health/live`, CHECK_MS);
        return report?.status === "OK" || place.address !== address ? undefined : "no answer";
      },
    })),
  };
}

async function reportOf({ address, lastEnd }: Place): Promise<HealthReport> {
  const report = address && await ask<HealthReport>(`${address.adminUrl}/health/ready`, CHECK_MS);
  const why = address ? "no answer" : lastEnd ? `${lastEnd}, and is started again` : "starting";
  return report ?? { status: "Unhealthy", checks: { process: { status: "Unhealthy", error: why } } };
}

function problemsOf({ checks, degraded }: HealthReport): Record<string, string> {
  const failed = Object.entries(checks).flatMap(([name, { error }]) => error === undefined ? [] : [[name, error]]);
  return { ...Object.fromEntries(failed), ...degraded };
}

async function handOn(request: Request, adminUrl: string | undefined): Promise<Response> {
  if (!adminUrl) throw nobody();
  const { pathname, search } = new URL(request.url);
  try {
    const answer = await fetch(`${adminUrl}${pathname}${search}`, { method: request.method });
    return new Response(answer.body, answer);
  } catch (error) {
    throw new Problem("unavailable", `the worker that was asked did not answer: ${(error as Error).message}`);
  }
}

/** One that hangs would keep us waiting for ever. */
async function firstToAnswer(adminUrls: readonly string[]): Promise<string | undefined> {
  const answers = adminUrls.map(async (url) => await ask(`${url}/health/live`, CHECK_MS) ? url : Promise.reject());
  return await Promise.any(answers).catch(() => undefined);
}

function nobody(): Problem {
  return new Problem("unavailable", "no worker answers: GET /health says why");
}

/** What is there, whatever its status; undefined when nobody answers in time. */
async function ask<Answer>(url: string, withinMs: number): Promise<Answer | undefined> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(withinMs) })).json();
  } catch {
    return undefined;
  }
}
