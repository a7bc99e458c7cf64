import { type Program, startWeir } from "../support/weir_process.ts";

/** A runtime, whose process is replaced when it was killed. */
interface Replica {
  program: Program;
  stopped: boolean;
}

/** Runtimes of one project, each in its own process. */
export class Replicas implements AsyncDisposable {
  readonly #replicas: Replica[] = [];
  /** Exit codes after SIGTERM. Any other code than 0 is a fault of the runtime. */
  readonly exitCodes: number[] = [];

  constructor(readonly project: string, readonly env: Record<string, string>) {}

  /** Starts `count` runtimes, and resolves once all are ready. */
  static async start(project: string, env: Record<string, string>, count: number): Promise<Replicas> {
    const replicas = new Replicas(project, env);
    try {
      const programs = await Promise.all(Array.from({ length: count }, () => replicas.#start()));
      replicas.#replicas.push(...programs.map((program) => ({ program, stopped: false })));
      return replicas;
    } catch (error) {
      await replicas[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Returns the indexes of runtimes that no SIGSTOP has stopped. */
  notStopped(): number[] {
    return this.#replicas.flatMap(({ stopped }, index) => stopped ? [] : [index]);
  }

  pid(index: number): number {
    return this.#replicas[index].program.pid;
  }

  async kill(index: number): Promise<void> {
    this.#replicas[index].program.kill("SIGKILL");
    await this.#replicas[index].program.status;
  }

  /** Sends SIGTERM, and waits until the process has exited. */
  async terminate(index: number): Promise<void> {
    this.#replicas[index].program.kill("SIGTERM");
    this.exitCodes.push((await this.#replicas[index].program.status).code);
  }

  /** Replaces a process that has ended. */
  async restart(index: number): Promise<void> {
    this.#replicas[index].program = await this.#start();
  }

  stop(index: number): void {
    this.#replicas[index].stopped = true;
    this.#replicas[index].program.kill("SIGSTOP");
  }

  continue(index: number): void {
    this.#replicas[index].program.kill("SIGCONT");
    this.#replicas[index].stopped = false;
  }

  /** Ends all runtimes with SIGTERM, as a deployment does. */
  async terminateAll(): Promise<void> {
    await Promise.all(this.#replicas.map((_, index) => this.terminate(index)));
  }

  async #start(): Promise<Program> {
    const env = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "info", ...this.env };
    const program = startWeir(this.project, ["start"], env);
    RUNNING.add(program);
    void program.status.then(() => RUNNING.delete(program));
    try {
      await program.waitForLog(({ message }) => message === "ready");
      return program;
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#replicas.map(({ program }) => program[Symbol.asyncDispose]()));
  }
}

const RUNNING = new Set<Program>();

/** Kills every runtime, for an exit that cannot wait. */
export function killRunning(): void {
  for (const program of RUNNING) program.kill("SIGKILL");
}
