import { Command } from "commander";
import type { FromWorker } from "../app/supervisor/worker_process.ts";
import { runProcess, type StartOptions } from "./start/run_process.ts";

/** Builds the hidden command `worker`, which the supervisor of `start` runs in each of its processes. */
export function workerCommand(): Command {
  return new Command("worker").argument("<number>").option("--no-apply").action(worker);
}

/** Runs the functions until the supervisor asks this process to stop or disconnects. */
async function worker(number: string, options: StartOptions): Promise<void> {
  if (!process.send) throw new Error("only `start` runs `worker`: set WEIR_WORKERS instead");
  const send = (message: FromWorker) => void process.send!(message, undefined, undefined, () => {});
  await runProcess(options, {
    worker: Number(number),
    ready: ({ url, adminUrl }) => send({ ready: { url, adminUrl } }),
    metrics: (metrics) => process.on("message", async () => send({ metrics: await metrics.data() })),
    onStop: (stop) => {
      process.on("disconnect", stop);
      if (!process.connected) stop();
    },
  });
}
