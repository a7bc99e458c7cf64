import { spawn } from "node:child_process";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import type { FromWorker, ToWorker, WorkerAddress } from "./messages.ts";

/** How a process ended: by itself, or by a signal. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A process that runs the functions. */
export interface WorkerProcess {
  readonly pid: number;
  /** Resolves once it listens and pulls. Never, when it ends before. */
  readonly ready: Promise<WorkerAddress>;
  readonly ended: Promise<WorkerEnd>;
  /** What it has counted and measured by now; undefined when it does not say so in time. */
  metrics(withinMs: number): Promise<readonly MetricData[] | undefined>;
  /** Asks it to end, which it does as it would on SIGTERM. */
  stop(): void;
  /** SIGKILL. */
  kill(): void;
}

/**
 * Starts a worker. Both outputs are ours. Between the two is a channel: what a worker says goes through it, and its
 * end tells a worker that we want it to end or are gone, however that was. (Hence `node:child_process`: `Deno.Command`
 * has none.)
 */
export function spawnWorker(command: string, args: string[], env: Record<string, string>): WorkerProcess {
  const child = spawn(command, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ready = Promise.withResolvers<WorkerAddress>(), ended = Promise.withResolvers<WorkerEnd>();
  let over = false, answered = Promise.withResolvers<readonly MetricData[] | undefined>();
  const answer = (metrics?: readonly MetricData[]) => {
    answered.resolve(metrics);
    answered = Promise.withResolvers();
  };
  child.on("message", (message: FromWorker) => {
    if ("ready" in message) ready.resolve(message.ready);
    else answer(message.metrics);
  });
  const end = (how: WorkerEnd) => {
    over = true;
    ended.resolve(how);
    answer();
  };
  child.on("exit", (code, signal) => end({ code, signal }));
  child.on("error", () => void (child.pid === undefined && end({ code: 127, signal: null }))); // else of the channel
  const ask = (what: ToWorker) => void child.send(what, () => {});
  return {
    pid: child.pid!,
    ready: ready.promise,
    ended: ended.promise,
    metrics: async (withinMs) => {
      if (over || !child.connected) return undefined;
      const { promise } = answered;
      ask("metrics");
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), withinMs));
      const metrics = await Promise.race([promise, late]);
      clearTimeout(timer);
      return metrics;
    },
    // No SIGTERM: what Deno sends one to it reports as ended by it, though it exits with 0.
    stop: () => void (child.connected && child.disconnect()),
    kill: () => void (over || child.kill("SIGKILL")),
  };
}
