import { type Program, startWeir } from "../support/weir_process.ts";

/** A place for a runtime: what is killed is started again in its stead. */
interface Replica {
  program: Program;
  stopped: boolean;
}

/** Some runtimes of one project, each a process of its own. */
export class Replicas implements AsyncDisposable {
  readonly #replicas: Replica[] = [];
  /** How the processes ended that were asked to end: anything but 0 is a fault of the runtime. */
  readonly exitCodes: number[] = [];

  constructor(readonly project: string, readonly env: Record<string, string>) {}

  /** Starts `count` of them at once, and resolves when all are ready. */
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

  /** The places whose process is not stopped by a signal. */
  awake(): number[] {
    return this.#replicas.flatMap(({ stopped }, place) => stopped ? [] : [place]);
  }

  pid(place: number): number {
    return this.#replicas[place].program.pid;
  }

  async kill(place: number): Promise<void> {
    this.#replicas[place].program.kill("SIGKILL");
    await this.#replicas[place].program.status;
  }

  /** SIGTERM, and waits until it has ended by itself. */
  async terminate(place: number): Promise<void> {
    this.#replicas[place].program.kill("SIGTERM");
    this.exitCodes.push((await this.#replicas[place].program.status).code);
  }

  /** Puts a new process in the place of one that has ended. */
  async startAgain(place: number): Promise<void> {
    this.#replicas[place].program = await this.#start();
  }

  stop(place: number): void {
    this.#replicas[place].stopped = true;
    this.#replicas[place].program.kill("SIGSTOP");
  }

  continue(place: number): void {
    this.#replicas[place].program.kill("SIGCONT");
    this.#replicas[place].stopped = false;
  }

  /** Ends all of them as a deployment would. */
  async terminateAll(): Promise<void> {
    await Promise.all(this.#replicas.map((_, place) => this.terminate(place)));
  }

  async #start(): Promise<Program> {
    const env = { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", LOG_LEVEL: "info", ...this.env };
    const program = startWeir(this.project, ["start"], env);
    LIVING.add(program);
    void program.status.then(() => LIVING.delete(program));
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

const LIVING = new Set<Program>();

/** Leaves no process behind when this one has to end at once. */
export function killLiving(): void {
  for (const program of LIVING) program.kill("SIGKILL");
}
