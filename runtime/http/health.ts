import { Hono } from "hono";
import { formatDuration } from "../core/duration.ts";
import { Problem } from "./problem.ts";

/** Something that must work; it throws, or returns what is wrong as text, when it does not. */
export interface Check {
  readonly name: string;
  readonly timeoutMs: number;
  run(signal: AbortSignal): unknown;
}

/** How one check went. */
interface CheckResult {
  readonly status: "OK" | "Unhealthy";
  readonly error?: string;
}

/** The answer of the health routes. */
export interface HealthReport {
  readonly status: "OK" | "Unhealthy";
  readonly checks: Readonly<Record<string, CheckResult>>;
  /** Left out when there is nothing to tell. */
  readonly degraded?: Readonly<Record<string, string>>;
}

/** What a process must have to be ready, and what it is the worse for. */
export interface Health {
  readonly checks: readonly Check[];
  /** What does not work as it should and does not keep the process from its work, by name: an open breaker. */
  readonly degraded?: () => Readonly<Record<string, string>>;
}

/** Runs every check at once. */
export async function runChecks({ checks, degraded }: Health): Promise<HealthReport> {
  const results = await Promise.all(checks.map(runCheck));
  const worse = degraded?.() ?? {};
  return {
    status: results.every(({ status }) => status === "OK") ? "OK" : "Unhealthy",
    checks: Object.fromEntries(checks.map(({ name }, i) => [name, results[i]])),
    ...(Object.keys(worse).length > 0 && { degraded: worse }),
  };
}

/** `/health` and `/health/ready` run the checks; `/health/live` only that the event loop turns, and what is said. */
export function healthRoutes(health: Health, live: Health = { checks: [] }): Hono {
  const answer = (which: Health) => async () => {
    const report = await runChecks(which);
    return Response.json(report, { status: report.status === "OK" ? 200 : 503, headers: NOT_CACHED });
  };
  return new Hono()
    .get("/health", answer(health))
    .get("/health/ready", answer(health))
    .get("/health/live", answer({ checks: [EVENT_LOOP, ...live.checks] }))
    .on(["POST", "PUT", "PATCH", "DELETE"], ["/health", "/health/ready", "/health/live"], ({ req }) => {
      const detail = `${req.method} is not for ${req.path}: GET it`;
      return new Problem(405, "Method Not Allowed", detail, { headers: { allow: "GET, HEAD" } }).toResponse();
    });
}

/** Answers once timers have had their turn. Where they have none, nothing is answered, and that is an answer too. */
const EVENT_LOOP: Check = {
  name: "event_loop",
  timeoutMs: 2_000,
  run: () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
};

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
