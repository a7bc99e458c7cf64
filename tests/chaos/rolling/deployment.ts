import { freePorts } from "../../support/ports.ts";
import { type Program, startWeir } from "../../support/weir_process.ts";

/** A process that takes requests. */
interface Instance {
  readonly program: Program;
  readonly url: string;
  readonly open: Set<Promise<unknown>>;
}

/** Replicas of one service, which are replaced one after the other, as a rollout does. */
export class Deployment implements AsyncDisposable {
  readonly #instances: Instance[] = [];
  readonly #started: Program[] = [];
  /** Exit codes after SIGTERM. */
  readonly exitCodes: number[] = [];
  /** The release of each process. */
  readonly releaseOf = new Map<number, string>();
  #next = 0;

  constructor(readonly env: Record<string, string>) {}

  /** Starts the first replicas of a release. */
  async start(project: string, count: number): Promise<void> {
    this.#instances.push(...await Promise.all(Array.from({ length: count }, () => this.#startOne(project))));
  }

  /** Replaces every replica: the next one is ready before an old one receives SIGTERM. */
  async roll(project: string): Promise<void> {
    for (let left = this.#instances.length; left > 0; left--) {
      this.#instances.push(await this.#startOne(project));
      await this.#end(this.#instances.shift()!); // requests go to the others from now on
    }
  }

  /** Sends a request to a replica that is ready, to each in turn. */
  async request(path: string, init: RequestInit): Promise<Response> {
    const { url, open } = this.#instances[this.#next++ % this.#instances.length];
    const request = fetch(`${url}${path}`, init);
    open.add(request);
    return await request.finally(() => open.delete(request));
  }

  async end(): Promise<void> {
    await Promise.all(this.#instances.splice(0).map((instance) => this.#end(instance)));
  }

  async #end({ program, open }: Instance): Promise<void> {
    await Promise.allSettled(open); // a load balancer takes it out of service first
    program.kill("SIGTERM");
    this.exitCodes.push((await program.status).code);
  }

  async #startOne(project: string): Promise<Instance> {
    const { PORT } = freePorts("PORT");
    const env = { HOST: "127.0.0.1", PORT, ADMIN_PORT: "0", LOG_LEVEL: "info", ...this.env };
    const program = startWeir(project, ["start", "--no-apply"], env);
    this.#started.push(program);
    this.releaseOf.set(program.pid, project);
    await program.waitForLog(({ message }) => message === "ready");
    return { program, url: `http://127.0.0.1:${PORT}`, open: new Set() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((program) => program[Symbol.asyncDispose]()));
  }
}
