import type { Log } from "../../api/context.ts";
import type { Clock } from "../../engine/clock.ts";
import { restartAfter } from "../../core/restart_backoff.ts";
import type { WorkerAddress, WorkerExit, WorkerProcess } from "./worker_process.ts";

/** One of the workers, by its number. Its process is replaced when it exits. */
export interface SupervisedWorker {
  readonly number: number;
  /** Current process; undefined between an exit and the restart. */
  process?: WorkerProcess;
  /** Addresses of the current process, once it is ready. */
  address?: WorkerAddress;
  lastExit?: string;
}

interface SupervisorOptions {
  readonly count: number;
  /** Time that workers have to exit once they are requested to stop, in milliseconds. They are then killed. */
  readonly graceMs: number;
  /** @param url Address of the public listener; undefined for the first worker, which chooses the port. */
  readonly spawn: (number: number, url: string | undefined) => WorkerProcess;
  readonly clock: Clock;
  readonly log: Log;
  readonly onExit: (process: WorkerProcess) => void;
  readonly onRestart: () => void;
}

interface WorkerState extends SupervisedWorker {
  failures: number;
  cancelRestart: () => void;
}

/** Thrown when a worker exits before it was ever ready. The worker has printed the cause on its stderr. */
export class WorkerNeverReady extends Error {
  readonly code = "worker-never-ready";

  constructor(readonly number: number, readonly exit: WorkerExit) {
    super(`worker ${number} ${describeExit(exit)} before it was ready`);
  }
}

/** Keeps a number of workers running. It runs no function itself, so no function can end it. */
export class Supervisor {
  readonly #workers: WorkerState[];
  #url: string | undefined;
  #stopping = false;

  constructor(readonly options: SupervisorOptions) {
    this.#workers = Array.from({ length: options.count }, (_, at) => ({
      number: at + 1,
      failures: 0,
      cancelRestart: () => {},
    }));
  }

  get workers(): readonly Readonly<SupervisedWorker>[] {
    return this.#workers;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /**
   * Starts the workers, and resolves to the address of the public listener once all are ready. The first is started
   * alone: it reports problems of configuration, code and NATS once, and creates the streams and consumers.
   *
   * @throws {WorkerNeverReady} if a worker exits before it is ready; the others are stopped
   */
  async start(): Promise<string> {
    const [first, ...others] = this.#workers;
    try {
      await this.#start(first);
      await Promise.all(others.map((worker) => this.#start(worker)));
    } catch (error) {
      if (!this.#stopping) await this.stop();
      throw error;
    }
    return this.#url!;
  }

  /**
   * Stops all workers, and kills each that takes longer than the grace. Resolves to whether every worker exited with
   * code 0.
   */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    for (const { cancelRestart } of this.#workers) cancelRestart();
    const running = this.#workers.flatMap(({ process }) => process ?? []);
    for (const process of running) process.stop();
    const cancel = this.options.clock.timer(this.options.graceMs, () => this.kill());
    const exits = await Promise.all(running.map(({ exited }) => exited));
    cancel();
    return exits.every(({ code }) => code === 0);
  }

  kill(): void {
    this.#stopping = true;
    for (const { process } of this.#workers) process?.kill();
  }

  async #start(worker: WorkerState): Promise<void> {
    // A worker that is spawned after `stop` would outlive it.
    if (this.#stopping) throw new Error("the supervisor was stopped before every worker was ready");
    const { ready, exited } = this.#spawn(worker);
    const result = await Promise.race([ready, exited]);
    if ("code" in result) throw new WorkerNeverReady(worker.number, result);
  }

  #spawn(worker: WorkerState): WorkerProcess {
    const { spawn, clock } = this.options;
    const startedAtMs = clock.now(), process = spawn(worker.number, this.#url);
    worker.process = process;
    void process.ready.then((address) => {
      if (worker.process !== process) return; // it has exited: the message and the exit may cross
      worker.address = address;
      this.#url ??= address.url;
    });
    void process.exited.then((exit) => this.#exited(worker, process, exit, clock.now() - startedAtMs));
    return process;
  }

  #exited(worker: WorkerState, process: WorkerProcess, exit: WorkerExit, ranMs: number): void {
    const { clock, log, onExit, onRestart } = this.options;
    const neverReady = worker.address === undefined && worker.lastExit === undefined;
    worker.process = worker.address = undefined;
    worker.lastExit = describeExit(exit);
    onExit(process);
    if (this.#stopping || neverReady) return; // `start` throws for a worker that was never ready
    const { failures, delayMs } = restartAfter(worker.failures, ranMs);
    worker.failures = failures;
    log.error(`worker ${worker.number} ${worker.lastExit}: it will be restarted`, {
      worker: worker.number,
      pid: process.pid,
      ran_ms: Math.round(ranMs),
      in_ms: delayMs,
    });
    worker.cancelRestart = clock.timer(delayMs, () => {
      onRestart();
      this.#spawn(worker);
    });
  }
}

function describeExit({ code, signal }: WorkerExit): string {
  return signal ? `was ended by ${signal}` : `exited with code ${code}`;
}
