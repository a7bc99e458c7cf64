import type { FromWorker } from "../app/supervisor/messages.ts";
import { run, type StartOptions } from "./start.ts";

/** `worker`: one of the processes of `start` with WEIR_WORKERS. It ends with the one that started it. */
export async function worker(number: string, options: StartOptions): Promise<void> {
  if (!process.send) throw new Error("`worker` is run by `start` where WEIR_WORKERS is set, and by nobody else");
  const tell = (what: FromWorker) => void process.send!(what, undefined, undefined, () => {});
  await run(options, {
    number: Number(number),
    ready: ({ url, adminUrl }) => tell({ ready: { url, adminUrl } }),
    metrics: (metrics) => process.on("message", async () => tell({ metrics: await metrics.data() })),
    left: (stop) => {
      process.on("disconnect", stop);
      if (!process.connected) stop();
    },
  });
}
