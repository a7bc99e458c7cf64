import { formatDuration } from "../core/duration.ts";
import { errorDetail } from "../core/error_detail.ts";
import { shorten } from "../core/text.ts";
import { type Route, route } from "./router.ts";

/** Greatest length of a check's error, in characters: probes and load balancers read the answer every few seconds. */
const MAX_ERROR = 1_000;

/** A health check. It fails by throwing, or by returning the reason as text. */
export interface Check {
  readonly name: string;
  readonly timeoutMs: number;
  run(signal: AbortSignal): unknown;
}

interface CheckResult {
  readonly status: "OK" | "Unhealthy";
  readonly error?: string;
}

export interface HealthReport {
  readonly status: "OK" | "Unhealthy";
  readonly checks: Readonly<Record<string, CheckResult>>;
  /** Omitted when nothing is degraded. */
  readonly degraded?: Readonly<Record<string, string>>;
}

export interface Health {
  readonly checks: readonly Check[];
  /** Returns faults that leave the process ready, by name, such as an open breaker. */
  readonly degraded?: () => Readonly<Record<string, string>>;
  /** Removes secrets from the errors of checks: any caller may read them. @default nothing is removed */
  readonly redact?: (text: string) => string;
}

export async function runChecks({ checks, degraded, redact = (text) => text }: Health): Promise<HealthReport> {
  const results = await Promise.all(checks.map((check) => runCheck(check, redact)));
  const faults = degraded?.() ?? {};
  return {
    status: results.every(({ status }) => status === "OK") ? "OK" : "Unhealthy",
    checks: Object.fromEntries(checks.map(({ name }, i) => [name, results[i]])),
    ...(Object.keys(faults).length > 0 && { degraded: faults }),
  };
}

/**
 * Returns `/health` and `/health/ready`, which run the checks, and `/health/live`.
 *
 * @param live checks of `/health/live` besides the event loop. Default: none.
 */
export function healthRoutes(health: Health, live: Health = { checks: [] }): Route[] {
  const get = (path: string, run: () => Promise<HealthReport>) =>
    route("GET", path, async () => {
      const report = await run();
      return Response.json(report, { status: report.status === "OK" ? 200 : 503, headers: NOT_CACHED });
    });
  const ready = sharedRun(health);
  return [
    get("/health", ready),
    get("/health/ready", ready),
    get("/health/live", sharedRun({ checks: [EVENT_LOOP, ...live.checks] })),
  ];
}

/**
 * Runs the checks once for all requests that arrive while they run. Requests need no key, so no request may by itself
 * cause a query of a database.
 */
function sharedRun(health: Health): () => Promise<HealthReport> {
  let running: Promise<HealthReport> | undefined;
  return () => running ??= runChecks(health).finally(() => running = undefined);
}

/** Passes once a timer fires. While a handler blocks the event loop there is no response, and the probe times out. */
const EVENT_LOOP: Check = {
  name: "event_loop",
  timeoutMs: 2_000,
  run: () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
};

const NOT_CACHED = { "cache-control": "no-store" };

async function runCheck(check: Check, redact: (text: string) => string): Promise<CheckResult> {
  const unhealthy = (error: string): CheckResult => {
    return { status: "Unhealthy", error: shorten(redact(error), MAX_ERROR) };
  };
  const timedOut = Promise.withResolvers<string>();
  const abort = new AbortController();
  const timer = setTimeout(() => {
    timedOut.resolve(`no answer within ${formatDuration(check.timeoutMs)}`);
    abort.abort();
  }, check.timeoutMs);
  try {
    const error = await Promise.race([check.run(abort.signal), timedOut.promise]);
    return typeof error === "string" ? unhealthy(error) : { status: "OK" };
  } catch (error) {
    return unhealthy(errorDetail(error).message);
  } finally {
    clearTimeout(timer);
  }
}
