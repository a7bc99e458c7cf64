import { type Config, readConfig } from "../../app/config.ts";
import type { FromWorker, ToWorker } from "../../app/supervisor/worker_process.ts";
import { runProcess, type StartOptions } from "./run_process.ts";

/** Runs until a stop signal, in one process or, if WEIR_WORKERS is more than 1, in that many. */
export async function start(options: StartOptions): Promise<void> {
  const config = validConfig();
  if (config && config.WEIR_WORKERS > 1) return await (await import("./supervise.ts")).supervise(config, options);
  // Only a supervisor may start Deno: a handler that could start it would get round every permission.
  Deno.permissions.revokeSync({ name: "run", command: Deno.execPath() });
  await runProcess(options, undefined, config);
}

/** Returns the configuration, or undefined if it has problems: {@linkcode runProcess} reports them with all others. */
function validConfig(): Config | undefined {
  try {
    return readConfig();
  } catch {
    return undefined;
  }
}

/** Runs the functions until the supervisor asks this process to stop or disconnects. */
export async function worker(number: string, options: StartOptions): Promise<void> {
  if (!process.send) throw new Error("only `start` runs `worker`: set WEIR_WORKERS instead");
  const onMessage = (message: ToWorker, listener: () => unknown) =>
    process.on("message", (received) => void (received === message && listener()));
  const send = (message: FromWorker) => void process.send!(message, undefined, undefined, () => {});
  await runProcess(options, {
    worker: Number(number),
    ready: ({ url, adminUrl }) => send({ ready: { url, adminUrl } }),
    metrics: (metrics) => onMessage("metrics", async () => send({ metrics: await metrics.data() })),
    onReload: (reload) => onMessage("reload", reload),
    onStop: (stop) => {
      process.on("disconnect", stop);
      if (!process.connected) stop();
    },
  });
}
