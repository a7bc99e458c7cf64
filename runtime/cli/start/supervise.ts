import { systemClock } from "../../engine/system_clock.ts";
import { type Config, ENVIRONMENT } from "../../app/config.ts";
import { checkPort, listen } from "../../http/listen.ts";
import { supervisorAdmin } from "../../app/supervisor/admin.ts";
import { MetricsSum } from "../../app/supervisor/metrics_sum.ts";
import { Supervisor, WorkerNeverReady } from "../../app/supervisor/supervisor.ts";
import { spawnWorker, type WorkerProcess } from "../../app/supervisor/worker_process.ts";
import { type Metrics, setupMetrics } from "../../telemetry/metrics.ts";
import { measureProcess } from "../../telemetry/process_metrics.ts";
import { setupProcessLog } from "./process_log.ts";
import { onStopSignal } from "../terminal/signals.ts";
import type { StartOptions } from "../start.ts";
import { startArguments, workerArguments } from "./start_arguments.ts";

/** What a worker needs beyond SHUTDOWN_GRACE to give back, drain and flush. */
const GRACE_MARGIN_MS = 8_000;
const ADMIN_STOP_MS = 2_000;

/**
 * `start` with WEIR_WORKERS: so many processes that are each what `start` alone would be, and that share the public
 * listener. This one keeps them running, has the admin listener, and tells of all of them as of one.
 */
export async function supervise(config: Config, { apply }: StartOptions): Promise<void> {
  const command = Deno.execPath(), start = await startArguments();
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") {
    throw new Error(
      `WEIR_WORKERS is ${config.WEIR_WORKERS}, and no process may be started: add --allow-run=${command}`,
    );
  }
  // Workers that share a port would share it with anybody who does.
  if (config.PORT !== 0) checkPort(config.HOST, config.PORT, "PORT");
  const { log, shutdown: shutdownLog } = await setupProcessLog(config);
  const metrics = await setupMetrics(ENVIRONMENT.get, config.OTEL_SERVICE_NAME);
  const restarts = metrics.counter("weir.worker.restarts").cell({});
  measureProcess(metrics, systemClock);

  const sum = new MetricsSum<WorkerProcess>();
  const supervisor = new Supervisor({
    count: config.WEIR_WORKERS,
    graceMs: config.SHUTDOWN_GRACE + GRACE_MARGIN_MS,
    spawn: (number, url) => {
      const port = url === undefined ? config.PORT : Number(new URL(url).port);
      return spawnWorker(command, workerArguments(start, number, command, apply), environmentOf(number, port));
    },
    clock: systemClock,
    log,
    ended: (process) => sum.ended(process),
    restarted: () => void restarts.value++,
  });
  const app = supervisorAdmin({
    supervisor,
    metrics: () =>
      metrics.page((own) => sum.of(supervisor.places.flatMap(({ process, address }) => address ? process! : []), own)),
    meter: requestMeter(metrics),
  });
  // Of those that are not up nobody tells: without any, nothing is connected.
  metrics.gauge("weir.nats.connected", () => [[supervisor.places.some(({ address }) => address) ? 1 : 0]]);
  const admin = listen(config.ADMIN_HOST, config.ADMIN_PORT, "ADMIN_PORT", app);
  const end = async (code: number) => {
    await admin.stop(ADMIN_STOP_MS);
    await metrics.shutdown();
    await shutdownLog();
    Deno.exit(code);
  };
  let asked = false;
  onStopSignal(async (signal) => {
    asked = true;
    log.info("shutting down", { signal, grace_ms: config.SHUTDOWN_GRACE });
    const well = await supervisor.stop();
    if (!well) log.error("not every worker ended well");
    await end(well ? 0 : 1);
  }, () => {
    supervisor.kill();
    Deno.exit(130);
  });
  try {
    const url = await supervisor.start();
    log.info("ready", { pid: Deno.pid, url, admin: admin.url, workers: config.WEIR_WORKERS });
  } catch (error) {
    if (asked) return;
    if (!(error instanceof WorkerNeverReady)) throw error;
    if (error.end.code !== 1) log.error(error.message); // else it has said itself what is wrong
    await end(1);
  }
}

/** The environment of a worker: ours, but for what it must not share with the others. */
function environmentOf(number: number, port: number): Record<string, string> {
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
      durations.record(seconds, {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
      }),
  };
}
