import { spawn } from "node:child_process";
import type { MetricData } from "@opentelemetry/sdk-metrics";

/** Message from a worker to its supervisor: its addresses once it is ready, or its metrics on request. */
export type FromWorker =
  | { readonly ready: WorkerAddress }
  | { readonly metrics: readonly MetricData[] };

/** Message from a supervisor to its worker. */
export type ToWorker = "metrics" | "reload";

export interface WorkerAddress {
  /** Address of the public listener, which all workers share. */
  readonly url: string;
  /** Address of the worker's own admin listener, on loopback. */
  readonly adminUrl: string;
}

/** Exit of a process: its code, or the signal that ended it. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface WorkerProcess {
  readonly pid: number;
  /** Resolves once the worker listens and pulls. Stays pending if it exits before. */
  readonly ready: Promise<WorkerAddress>;
  readonly exited: Promise<WorkerExit>;
  /** Requests the current metrics. Resolves to undefined if they do not arrive in time. */
  metrics(timeoutMs: number): Promise<readonly MetricData[] | undefined>;
  /** Makes the worker read its credentials again. */
  reload(): void;
  /** Requests a graceful stop, as SIGTERM does. */
  stop(): void;
  kill(): void;
}

/**
 * Starts a worker, which inherits stdout and stderr. Messages go through an IPC channel. A worker stops when the
 * channel closes, so that none outlives its supervisor. `Deno.Command` has no such channel, hence `node:child_process`.
 */
export function spawnWorker(command: string, args: string[], env: Record<string, string>): WorkerProcess {
  const child = spawn(command, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ready = Promise.withResolvers<WorkerAddress>(), exited = Promise.withResolvers<WorkerExit>();
  let hasExited = false, answered = Promise.withResolvers<readonly MetricData[] | undefined>();
  const answer = (metrics?: readonly MetricData[]) => {
    answered.resolve(metrics);
    answered = Promise.withResolvers();
  };
  child.on("message", (message: FromWorker) => {
    if ("ready" in message) ready.resolve(message.ready);
    else answer(message.metrics);
  });
  const exit = (how: WorkerExit) => {
    hasExited = true;
    exited.resolve(how);
    answer();
  };
  child.on("exit", (code, signal) => exit({ code, signal }));
  // Without a pid the process could not be started. Any other error concerns the channel, and an exit follows.
  child.on("error", () => void (child.pid === undefined && exit({ code: 127, signal: null })));
  const send = (message: ToWorker) => void child.send(message, () => {});
  return {
    pid: child.pid!,
    ready: ready.promise,
    exited: exited.promise,
    metrics: async (timeoutMs) => {
      if (hasExited || !child.connected) return undefined;
      const { promise } = answered;
      send("metrics"); // an error concerns the channel, and the answer is then late
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), timeoutMs));
      const metrics = await Promise.race([promise, late]);
      clearTimeout(timer);
      return metrics;
    },
    reload: () => void (child.connected && send("reload")),
    // No SIGTERM: Deno would report a process that it signalled as ended by the signal, though it exits with 0.
    stop: () => void (child.connected && child.disconnect()),
    kill: () => void (hasExited || child.kill("SIGKILL")),
  };
}
