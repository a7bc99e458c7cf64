import type { GenerationProcess, Refused } from "./revision_process.ts";
import type { Address, Loaded } from "./messages.ts";

/** What became of a change. */
export type Next =
  | { readonly kind: "live"; readonly loaded: Loaded; readonly before: Loaded | undefined }
  | ({ readonly kind: "refused" } & Refused);

/** What {@linkcode Generations} stands on. */
interface GenerationsOptions {
  spawn(): GenerationProcess;
  /** From now on requests go there; undefined: nowhere, for that reason. Resolves when the one before has none left. */
  route(to: Address | undefined, why?: string): Promise<void>;
  /** The one that ran ended though nobody wanted it to. */
  died(how: string): void;
  readonly graceMs: number;
}

/** Longer than a load takes that comes to its end: one in progress is let be, so that many saves do not starve. */
const OVERTAKEN_MS = 2_000;

/**
 * The project, a process for each state of its files that could run. Beside the one that runs waits a spare with the
 * whole runtime in memory, so that a change costs no more than importing what changed. It takes over once it has been
 * seen to start; the one before then gives back what it has not begun and finishes the rest.
 */
export class Generations {
  #spare: GenerationProcess | undefined;
  #current: { readonly process: GenerationProcess; readonly loaded: Loaded } | undefined;
  readonly #all = new Set<GenerationProcess>();
  #stopped = false;
  #loading: { readonly process: GenerationProcess; readonly sinceMs: number; overtaken: boolean } | undefined;
  /** One at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly options: GenerationsOptions) {}

  /** Whether anything runs. */
  get running(): boolean {
    return this.#current !== undefined;
  }

  /**
   * Runs the files as they are now, unless something is wrong with them: then what ran goes on.
   *
   * @param check finds what is wrong without running them, meanwhile
   */
  next(check: () => Promise<readonly string[]>): Promise<Next> {
    const next = this.#turn.then(() => this.#next(check));
    this.#turn = next.catch(() => {});
    return next;
  }

  async #next(check: () => Promise<readonly string[]>): Promise<Next> {
    const [{ process, loaded, overtaken }, found] = await Promise.all([this.#load(), check()]);
    if (overtaken) return this.#refuse(process, []);
    // What cannot be loaded says itself what is wrong; what the check says besides is the same thing in other words.
    const problems = "problems" in loaded ? loaded.problems : found;
    if ("problems" in loaded || problems.length > 0) return this.#refuse(process, problems);
    const address = await process.go();
    if ("problems" in address) return this.#refuse(process, address.problems, address.passing);
    if (this.#stopped) return { kind: "refused", problems: [] };
    const last = this.#current;
    const current = this.#current = { process, loaded };
    void process.ended.then((how) => {
      if (this.#stopped || this.#current !== current) return;
      this.#current = undefined;
      void this.options.route(undefined, `the runtime ${how}`);
      this.options.died(how);
    });
    const idle = this.options.route(address);
    if (last) void idle.then(() => last.process.stop(this.options.graceMs));
    this.#spare = this.#spawn();
    return { kind: "live", loaded, before: last?.loaded };
  }

  /** Data to try what runs with, as JSON. */
  async example(): Promise<string | undefined> {
    return await this.#current?.process.example();
  }

  async #load() {
    const spare = this.#spare;
    this.#spare = undefined;
    const first = await this.#loadIn(spare ?? this.#spawn());
    const { loaded, overtaken } = first;
    // A spare may have ended while it waited, as where memory ran out, and that be heard of only now.
    const lost = spare && "problems" in loaded && loaded.ended && !overtaken && !this.#stopped;
    return lost ? await this.#loadIn(this.#spawn()) : first;
  }

  async #loadIn(process: GenerationProcess) {
    const loading = this.#loading = { process, sinceMs: performance.now(), overtaken: false };
    const loaded = await process.load();
    this.#loading = undefined;
    return { process, loaded, overtaken: loading.overtaken };
  }

  /** The files have changed again: to load them as they were is worth no more than a moment. */
  overtaken(): void {
    const loading = this.#loading;
    if (!loading) return;
    setTimeout(() => {
      if (this.#loading !== loading) return;
      loading.overtaken = true;
      loading.process.kill();
    }, Math.max(0, loading.sinceMs + OVERTAKEN_MS - performance.now()));
  }

  /** What waits was started with settings that are no longer so: another takes its place. */
  renewSpare(): void {
    if (!this.#spare) return;
    this.#spare.kill();
    this.#spare = this.#spawn();
  }

  /** All of them may finish what they are at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#spare?.kill();
    await Promise.all([...this.#all].map((process) => process.stop(this.options.graceMs)));
  }

  kill(): void {
    this.#stopped = true;
    for (const process of this.#all) process.kill();
  }

  #spawn(): GenerationProcess {
    const process = this.options.spawn();
    this.#all.add(process);
    void process.ended.then(() => {
      this.#all.delete(process);
      if (this.#spare === process) this.#spare = undefined;
    });
    return process;
  }

  #refuse(process: GenerationProcess, problems: readonly string[], passing?: boolean): Next & Refused {
    process.kill();
    if (!this.#stopped) this.#spare = this.#spawn();
    return { kind: "refused", problems, ...(passing && { passing }) };
  }
}
