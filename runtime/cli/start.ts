import { StartupProblems } from "../authoring/problems.ts";
import { systemClock } from "../clock.ts";
import { authProblem, type Config, ENVIRONMENT, readConfig } from "../config.ts";
import { loadProject } from "../project.ts";
import { type Runtime, startRuntime } from "../runtime.ts";
import { setupMetrics } from "../telemetry/metrics.ts";
import { setupLog } from "../telemetry/setup_log.ts";
import { setupTracing } from "../telemetry/tracing.ts";
import { onStopSignal } from "./signals.ts";

/** `start`: runs until a signal says stop. Every problem of configuration and code is told at once. */
export async function start(): Promise<void> {
  const { config, registry } = await readEverything();
  const { log, shutdown: shutdownLog } = await setupLog({
    level: config.LOG_LEVEL,
    format: config.LOG_FORMAT,
    environment: Deno.env.toObject(),
    readFile,
    serviceName: config.OTEL_SERVICE_NAME,
    clock: systemClock,
  });
  const tracing = await setupTracing(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const metrics = await setupMetrics(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const flush = () => Promise.all([tracing.shutdown(), metrics.shutdown()]);
  // What a handler left running fails on its own: that must not take every other function down with it.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("a promise that nobody awaits was rejected", { error: event.reason });
  });

  for (const warning of registry.warnings) log.warn(warning);
  let runtime: Runtime | undefined;
  const stop = async (signal: Deno.Signal) => {
    log.info("shutting down", { signal, grace_ms: config.SHUTDOWN_GRACE });
    await runtime?.stop();
    await flush();
    await shutdownLog();
    Deno.exit(0);
  };
  onStopSignal((signal) => void stop(signal), () => Deno.exit(130));
  try {
    runtime = await startRuntime(config, registry, log, metrics);
  } catch (error) {
    await flush();
    throw error;
  }
  log.info("ready", {
    pid: Deno.pid,
    url: runtime.url,
    admin: runtime.adminUrl,
    functions: config.WEIR_ROLES.includes("functions")
      ? config.WEIR_FUNCTIONS ?? registry.functions.map(({ name }) => name)
      : [],
    traces: tracing.exportsTo ?? "not exported",
    metrics: metrics.pushesTo ?? "at /metrics only",
  });
}

function readFile(path: string): string | undefined {
  try {
    return ENVIRONMENT.readFile(path);
  } catch {
    return undefined;
  }
}

async function readEverything() {
  const problems: string[] = [];
  const collect = (error: unknown) => {
    if (!(error instanceof StartupProblems)) throw error;
    problems.push(...error.problems);
    return undefined;
  };
  let config: Config | undefined;
  try {
    config = readConfig();
    const unsafe = authProblem(config);
    if (unsafe) problems.push(unsafe);
  } catch (error) {
    collect(error);
  }
  const registry = await loadProject().catch(collect);
  if (problems.length > 0 || !config || !registry) throw new StartupProblems(problems);
  return { config, registry };
}
