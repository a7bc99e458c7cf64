import { StartupProblems } from "../project/startup_problems.ts";
import type { Registry } from "../project/registry.ts";
import { authProblem, type Config, ENVIRONMENT, readConfig } from "../app/config.ts";
import { loadProject } from "../project/load_project.ts";
import { type Runtime, startRuntime } from "../app/runtime.ts";
import { type Metrics, setupMetrics } from "../telemetry/metrics.ts";
import { setupTracing } from "../telemetry/setup_tracing.ts";
import { setupProcessLog } from "./start/process_log.ts";
import { onStopSignal } from "./terminal/signals.ts";
import { tellUnaskedExit } from "./start/exit_guard.ts";

/** What a process that was started by another one of ours tells it. */
export interface Place {
  /** Which of several processes of the same functions it is, from 1; undefined: it has its listeners to itself. */
  readonly number?: number;
  /** The other one says what there is to say of a start. */
  readonly quiet?: boolean;
  /** Everything is read and checked, and nothing touched yet: it goes on when this resolves. */
  loaded?(registry: Registry): Promise<void>;
  /** Is also given how to run the functions again, should it stop the runtime. */
  ready(runtime: Runtime, startAgain: () => Promise<Runtime>): void;
  metrics?(metrics: Metrics): void;
  /** Is given what is to be done when the one that started it wants it to end, or is gone. */
  left(stop: () => void): void;
}

/** What `start` and its workers are given on the command line. */
export interface StartOptions {
  /** Whether streams, consumers and buckets may be made and changed. */
  readonly apply: boolean;
}

/** `start`: runs until a signal says stop, in one process unless WEIR_WORKERS wants several. */
export async function start(options: StartOptions): Promise<void> {
  const config = goodConfig();
  if (config && config.WEIR_WORKERS > 1) return await (await import("./start/supervise.ts")).supervise(config, options);
  // Only a supervisor may start Deno: a handler that could, could do anything.
  Deno.permissions.revokeSync({ name: "run", command: Deno.execPath() });
  await run(options, undefined, config);
}

/**
 * Runs the functions. Every problem of configuration and code is told at once.
 *
 * @param known the configuration, where it was read already: a file that a secret is in may be a pipe
 */
export async function run({ apply }: StartOptions, place?: Place, known?: Config): Promise<void> {
  const { config, registry } = await readEverything(known);
  await place?.loaded?.(registry);
  const several = place?.number !== undefined, quiet = place?.quiet ?? false;
  const { log, shutdown: shutdownLog } = await setupProcessLog(config, several ? { worker: place.number } : undefined);
  const tracing = await setupTracing(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const metrics = await setupMetrics(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const flush = () => Promise.all([tracing.shutdown(), metrics.shutdown()]);
  // What a handler left running fails on its own: that must not take every other function down with it.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("a promise that nobody awaits was rejected", { error: event.reason });
  });

  tellUnaskedExit(log);
  for (const warning of quiet || several && place.number! > 1 ? [] : registry.warnings) log.warn(warning); // once is enough
  const runtimes: Runtime[] = [];
  const begin = async () => {
    const runtime = await startRuntime(config, registry, log, { metrics, oneOfSeveral: several, apply });
    runtimes.push(runtime);
    return runtime;
  };
  const stop = async (why: { signal: Deno.Signal } | { reason: string }) => {
    if (!quiet) log.info("shutting down", { ...why, grace_ms: config.SHUTDOWN_GRACE });
    await Promise.all(runtimes.map((runtime) => runtime.stop()));
    await flush();
    await shutdownLog(quiet ? "" : undefined);
    Deno.exit(0);
  };
  let stopping: Promise<void> | undefined;
  // A worker may be asked by everybody at once: a terminal, a service manager, its supervisor, which alone may insist.
  onStopSignal((signal) => void (stopping ??= stop({ signal })), () => place ?? Deno.exit(130));
  place?.left(() => void (stopping ??= stop({ reason: "the supervisor stops, or is gone" })));
  place?.metrics?.(metrics);
  let runtime: Runtime;
  try {
    runtime = await begin();
  } catch (error) {
    await flush();
    throw error;
  }
  if (!quiet) {
    log.info(several ? "worker ready" : "ready", {
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
  place?.ready(runtime, begin);
}

function goodConfig(): Config | undefined {
  try {
    return readConfig();
  } catch {
    return undefined; // what is wrong is told with all else that is
  }
}

async function readEverything(known?: Config) {
  const problems: string[] = [];
  const collect = (error: unknown) => {
    if (!(error instanceof StartupProblems)) throw error;
    problems.push(...error.problems);
    return undefined;
  };
  let config: Config | undefined;
  try {
    config = known ?? readConfig();
    const unsafe = authProblem(config);
    if (unsafe) problems.push(unsafe);
  } catch (error) {
    collect(error);
  }
  const registry = await loadProject().catch(collect);
  if (problems.length > 0 || !config || !registry) throw new StartupProblems(problems);
  return { config, registry };
}
