import { guardOf } from "../../app/admin_guard.ts";
import { type Config, ENVIRONMENT, LOOPBACK } from "../../app/config.ts";
import { memoryLimits, memoryProblem, workerHeapMiB } from "../../app/memory_limit.ts";
import { identityOf } from "../../app/listeners.ts";
import { supervisorAdmin } from "../../app/supervisor/admin.ts";
import { Supervisor, WorkerNeverReady } from "../../app/supervisor/supervisor.ts";
import { WorkerMetrics } from "../../app/supervisor/worker_metrics.ts";
import { spawnWorker, type WorkerProcess } from "../../app/supervisor/worker_process.ts";
import { systemClock } from "../../engine/system_clock.ts";
import { checkPort, listen } from "../../http/listen.ts";
import type { Logger } from "../../telemetry/otel/logs/logger.ts";
import { type Metrics, setupMetrics } from "../../telemetry/metrics.ts";
import { measureProcess } from "../../telemetry/process_metrics.ts";
import { projectName } from "../../project/deno_json.ts";
import { PROJECT } from "../../project/load_project.ts";
import { EXIT_CODES } from "../terminal/exit_codes.ts";
import { onServiceSignal } from "../terminal/signals.ts";
import { setupProcessLog } from "./process_log.ts";
import type { StartOptions } from "./run_process.ts";
import { startArguments, workerArguments } from "./start_arguments.ts";

/** Milliseconds that a worker may take beyond SHUTDOWN_GRACE to nak, drain and flush before it is killed. */
const GRACE_MARGIN_MS = 8_000;
/** Milliseconds that open requests on the admin listener may take at a stop. */
const ADMIN_STOP_MS = 2_000;

/**
 * Runs WEIR_WORKERS processes that share the public listener. This process runs no function: it restarts workers that
 * exit, and its admin listener answers for all of them.
 */
export async function supervise(config: Config, options: StartOptions): Promise<void> {
  requireRunPermission(config);
  // SO_REUSEPORT would share the port with any other process of this user that sets it, so the port must be free.
  if (config.PORT !== 0) checkPort(config.HOST, config.PORT, "PORT");
  const { log, shutdown: shutdownLog } = await setupProcessLog(config);
  const tooMany = memoryProblem(memoryLimits(), config.WEIR_WORKERS);
  if (tooMany) log.warn(`${tooMany}: lower WEIR_WORKERS, or raise the limit of the container`);
  const metrics = await setupMetrics(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  measureProcess(metrics, systemClock);
  const workerMetrics = new WorkerMetrics<WorkerProcess>();
  const supervisor = await createSupervisor(config, options, log, metrics, workerMetrics);
  const app = supervisorAdmin({
    supervisor,
    metrics: () => metrics.page((own) => workerMetrics.read(readyProcesses(supervisor), own)),
    meter: requestMeter(metrics),
    guard: guardOf(config),
    identity: identityOf(config, await projectName(PROJECT)),
    key: config.WEIR_ADMIN_KEY,
    ...(config.WEIR_CONSOLE !== "off" && { exposed: !LOOPBACK.test(config.ADMIN_HOST) }),
  });
  // Workers report this gauge. While no worker is up, the supervisor reports that nothing is connected.
  metrics.gauge("weir.nats.connected", () => [[supervisor.workers.some(({ address }) => address) ? 1 : 0]]);
  const { ADMIN_HOST: hostname, ADMIN_PORT: port } = config;
  const admin = listen({ hostname, port, variable: "ADMIN_PORT", handler: app, log });
  const end = async (code: number) => {
    await admin.stop(ADMIN_STOP_MS);
    await metrics.shutdown();
    await shutdownLog();
    Deno.exit(code);
  };
  let stopping = false;
  onServiceSignal(async (signal) => {
    stopping = true;
    log.info("shutting down", { signal, grace_ms: config.SHUTDOWN_GRACE });
    const clean = await supervisor.stop();
    if (!clean) log.error("at least one worker did not exit with code 0");
    await end(clean ? EXIT_CODES.done : EXIT_CODES.failed);
  }, () => {
    supervisor.kill();
    Deno.exit(EXIT_CODES.interrupted);
  }, () => void (stopping || readyProcesses(supervisor).forEach((worker) => worker.reload())));
  try {
    const url = await supervisor.start();
    log.info("ready", { pid: Deno.pid, url, admin: admin.url, workers: config.WEIR_WORKERS });
  } catch (error) {
    if (stopping) return;
    if (!(error instanceof WorkerNeverReady)) throw error;
    if (error.exit.code !== EXIT_CODES.failed) log.error(error.message); // on this code the worker printed the reason
    await end(EXIT_CODES.failed);
  }
}

function readyProcesses({ workers }: Supervisor): WorkerProcess[] {
  return workers.flatMap(({ process, address }) => address ? process! : []);
}

function requireRunPermission({ WEIR_WORKERS }: Config): void {
  const command = Deno.execPath();
  if (Deno.permissions.querySync({ name: "run", command }).state === "granted") return;
  throw new Error(`WEIR_WORKERS is ${WEIR_WORKERS}, and this process may not start others: add --allow-run=${command}`);
}

async function createSupervisor(
  config: Config,
  { apply }: StartOptions,
  log: Logger,
  metrics: Metrics,
  workerMetrics: WorkerMetrics<WorkerProcess>,
): Promise<Supervisor> {
  const command = Deno.execPath(), start = await startArguments();
  const heapMiB = workerHeapMiB(memoryLimits(), config.WEIR_WORKERS);
  const restarts = metrics.counter("weir.worker.restarts").cell({});
  return new Supervisor({
    count: config.WEIR_WORKERS,
    graceMs: config.SHUTDOWN_GRACE + GRACE_MARGIN_MS,
    spawn: (number, url) => {
      const port = url === undefined ? config.PORT : Number(new URL(url).port);
      return spawnWorker(
        command,
        workerArguments(start, number, command, apply !== false, heapMiB),
        workerEnvironment(number, port),
      );
    },
    clock: systemClock,
    log,
    onExit: (process) => workerMetrics.exited(process),
    onRestart: () => void restarts.value++,
  });
}

/** Returns the environment of a worker. It is this process's, except for variables that workers must not share. */
function workerEnvironment(number: number, port: number): Record<string, string> {
  const attributes = ENVIRONMENT.get("OTEL_RESOURCE_ATTRIBUTES");
  return {
    ...Deno.env.toObject(),
    WEIR_WORKERS: "1",
    PORT: String(port),
    ADMIN_HOST: "127.0.0.1",
    ADMIN_PORT: "0",
    ...(attributes && {
      OTEL_RESOURCE_ATTRIBUTES: attributes.replace(/service\.instance\.id=[^,]*/, `$&-${number}`),
    }),
  };
}

function requestMeter(metrics: Metrics) {
  const durations = metrics.histogram("http.server.request.duration");
  return {
    began: () => {},
    ended: (method: string, route: string, status: number, seconds: number) =>
      durations.cell({
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
      }).record(seconds),
  };
}
