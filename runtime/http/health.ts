import { Hono } from "hono";
import { formatDuration } from "../rules/duration.ts";
import { Problem } from "./problem.ts";

/** Something that must work; it throws, or returns what is wrong as text, when it does not. */
export interface Check {
  readonly name: string;
  readonly timeoutMs: number;
  run(signal: AbortSignal): unknown;
}

/** How one check went. */
export interface CheckResult {
  readonly status: "OK" | "Unhealthy";
  readonly error?: string;
}

/** The answer of the health routes. */
export interface HealthReport {
  readonly status: "OK" | "Unhealthy";
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** Runs every check at once. */
export async function runChecks(checks: readonly Check[]): Promise<HealthReport> {
  const results = await Promise.all(checks.map(runCheck));
  return {
    status: results.every(({ status }) => status === "OK") ? "OK" : "Unhealthy",
    checks: Object.fromEntries(checks.map(({ name }, i) => [name, results[i]])),
  };
}

/** `/health` and `/health/ready` run the checks; `/health/live` only shows that the process answers. */
export function healthRoutes(checks: readonly Check[]): Hono {
  const report = async () => {
    const health = await runChecks(checks);
    return Response.json(health, { status: health.status === "OK" ? 200 : 503, headers: NOT_CACHED });
  };
  return new Hono()
    .get("/health", report)
    .get("/health/ready", report)
    .get("/health/live", () => Response.json({ status: "OK", checks: {} }, { headers: NOT_CACHED }))
    .on(["POST", "PUT", "PATCH", "DELETE"], ["/health", "/health/ready", "/health/live"], ({ req }) => {
      const detail = `${req.method} is not for ${req.path}: GET it`;
      return new Problem(405, "Method Not Allowed", detail, { headers: { allow: "GET, HEAD" } }).toResponse();
    });
}

const NOT_CACHED = { "cache-control": "no-store" };

async function runCheck(check: Check): Promise<CheckResult> {
  const late = Promise.withResolvers<string>();
  const stop = new AbortController();
  const timer = setTimeout(() => {
    late.resolve(`no answer within ${formatDuration(check.timeoutMs)}`);
    stop.abort();
  }, check.timeoutMs);
  try {
    const error = await Promise.race([check.run(stop.signal), late.promise]);
    return typeof error === "string" ? { status: "Unhealthy", error } : { status: "OK" };
  } catch (error) {
    return { status: "Unhealthy", error: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
