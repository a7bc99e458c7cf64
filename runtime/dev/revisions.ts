import type { RevisionFailure, RevisionProcess } from "./revision_process.ts";
import type { ProjectSummary, RevisionAddress } from "./messages.ts";

/** Result of a reload or rollback. A failure without problems means that a later change or the stop superseded it. */
export type ReloadResult =
  | { readonly kind: "live"; readonly project: ProjectSummary }
  | ({ readonly kind: "failed" } & RevisionFailure);

/** Options of {@linkcode Revisions}. */
interface RevisionsOptions {
  spawn(): RevisionProcess;
  /**
   * Routes requests to an address from now on. With undefined, requests are answered with the reason instead. Resolves
   * once the previous address has answered its requests.
   */
  route(to: RevisionAddress | undefined, reason?: string): Promise<void>;
  /** Runs when the current revision exits by itself. */
  onExit(how: string): void;
  /** Milliseconds that a stopped revision has to finish its handlers. */
  readonly graceMs: number;
  /** Keeps the previous revision on standby until its successor is accepted, for {@linkcode Revisions.rollBack}. */
  readonly canRollBack: boolean;
  /** Default: {@linkcode SUPERSEDED_LOAD_MS}. */
  readonly supersededLoadMs?: number;
}

interface Revision {
  readonly process: RevisionProcess;
  readonly project: ProjectSummary;
}

interface Loading {
  readonly process: RevisionProcess;
  readonly sinceMs: number;
  superseded: boolean;
  /** Timer that aborts it. */
  abort?: ReturnType<typeof setTimeout>;
}

/** Milliseconds that a load may take once it is superseded. A usual load ends sooner, so frequent saves do not starve it. */
const SUPERSEDED_LOAD_MS = 2_000;

/**
 * Runs the project's revisions: a revision is a state of the project's files, and runs in a process of its own. A spare
 * process has loaded the runtime already, so that a change costs only the import of the project's files. A new revision
 * takes over once it has started. The previous one then gives back deliveries that wait for a handler, and finishes the
 * others. With `canRollBack` the previous revision stays on standby until the new one is accepted.
 */
export class Revisions {
  #spare: RevisionProcess | undefined;
  #current: Revision | undefined;
  /** The revision to roll back to, and a promise that resolves once its requests are answered. */
  #previous: { readonly revision: Revision; readonly idle: Promise<void> } | undefined;
  readonly #all = new Set<RevisionProcess>();
  /** Processes whose runtime was started: they may have handlers to finish. */
  readonly #started = new Set<RevisionProcess>();
  #stopped = false;
  #loading: Loading | undefined;
  /** Resolves when the last queued reload or rollback is done: they run one at a time. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Reloads and rollbacks that run or wait in the queue. */
  #queued = 0;
  /**
   * Time after which a load is aborted for a later save. It doubles with each one, since on a slow machine quick saves
   * would else abort every load. The first load that ends resets it.
   */
  #supersededLoadMs: number;

  constructor(readonly options: RevisionsOptions) {
    this.#supersededLoadMs = options.supersededLoadMs ?? SUPERSEDED_LOAD_MS;
  }

  /** True while a revision is live. */
  get running(): boolean {
    return this.#current !== undefined;
  }

  /** True while no revision is live, and none is loaded or starts. */
  get idle(): boolean {
    return !this.running && this.#queued === 0;
  }

  /** Loads and starts the files as they are now. If that fails the current revision keeps running. */
  reload(): Promise<ReloadResult> {
    return this.#enqueue(() => this.#reload());
  }

  /** Accepts the current revision, so that the previous one is stopped. */
  accept(): void {
    const previous = this.#previous;
    this.#previous = undefined;
    if (previous) this.#stop(previous.revision, previous.idle);
  }

  /** Replaces the current revision by the previous one. Returns undefined if there is none. */
  rollBack(): Promise<ReloadResult | undefined> {
    return this.#enqueue(() => this.#rollBack());
  }

  #enqueue<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#queued++;
    const result = this.#queue.then(task).finally(() => this.#queued--);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #reload(): Promise<ReloadResult> {
    if (this.#stopped) return { kind: "failed", problems: [] };
    const { process, loaded, superseded } = await this.#load();
    if (superseded) return this.#discard(process, []);
    if ("problems" in loaded) return this.#discard(process, loaded.problems);
    this.#started.add(process);
    const address = await process.start();
    if ("problems" in address) return this.#discard(process, address.problems, address.transient);
    if (this.#stopped) return { kind: "failed", problems: [] };
    const previous = this.#current;
    const current = this.#current = { process, project: loaded };
    void process.exited.then((how) => {
      if (this.#stopped || this.#current !== current) return;
      this.#current = undefined;
      void this.options.route(undefined, `the runtime ${how}`);
      this.options.onExit(how);
    });
    const idle = this.options.route(address);
    if (previous && this.options.canRollBack && !this.#previous) this.#keepOnStandby(previous, idle);
    else if (previous) this.#stop(previous, idle);
    this.#spare = this.#spawn();
    return { kind: "live", project: loaded };
  }

  async #rollBack(): Promise<ReloadResult | undefined> {
    const previous = this.#previous?.revision;
    if (!previous || this.#stopped) return undefined;
    this.#previous = undefined;
    const address = await previous.process.start();
    if ("problems" in address) {
      previous.process.kill();
      return { kind: "failed", problems: address.problems };
    }
    const rejected = this.#current;
    this.#current = previous;
    const idle = this.options.route(address);
    if (rejected) this.#stop(rejected, idle);
    return { kind: "live", project: previous.project };
  }

  #keepOnStandby(revision: Revision, idle: Promise<void>): void {
    const previous = this.#previous = { revision, idle };
    void idle.then(() => {
      if (this.#previous === previous) revision.process.standby();
    });
  }

  #stop(revision: Revision, idle: Promise<void>): void {
    void idle.then(() => revision.process.stop(this.options.graceMs));
  }

  /** Returns example data for the first event of the ingress, as JSON. */
  async example(): Promise<string | undefined> {
    return await this.#current?.process.example();
  }

  async #load() {
    const spare = this.#spare;
    this.#spare = undefined;
    const first = await this.#loadIn(spare ?? this.#spawn());
    // The spare may have exited while it waited, for example out of memory.
    const spareExited = spare && "problems" in first.loaded && first.loaded.exited;
    return spareExited && !first.superseded && !this.#stopped ? await this.#loadIn(this.#spawn()) : first;
  }

  async #loadIn(process: RevisionProcess) {
    const loading: Loading = { process, sinceMs: performance.now(), superseded: false };
    this.#loading = loading;
    const loaded = await process.load();
    clearTimeout(loading.abort);
    this.#loading = undefined;
    if (loading.superseded) this.#supersededLoadMs *= 2;
    else this.#supersededLoadMs = this.options.supersededLoadMs ?? SUPERSEDED_LOAD_MS;
    return { process, loaded, superseded: loading.superseded };
  }

  /** Aborts a load in progress unless it ends soon, because the files have changed again. */
  supersedeLoad(): void {
    const loading = this.#loading;
    if (!loading) return;
    clearTimeout(loading.abort);
    loading.abort = setTimeout(() => {
      loading.superseded = true;
      loading.process.kill();
    }, Math.max(0, loading.sinceMs + this.#supersededLoadMs - performance.now()));
  }

  /** Replaces the spare, whose arguments are out of date. */
  replaceSpare(): void {
    if (!this.#spare || this.#stopped) return;
    this.#spare.kill();
    this.#spare = this.#spawn();
  }

  /** Ends all processes, and lets handlers finish first. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#all].map((process) => {
      if (!this.#started.has(process)) process.kill();
      return process.stop(this.options.graceMs);
    }));
  }

  /** Returns false while the thread of the current revision is blocked. */
  async respond(): Promise<boolean> {
    const current = this.#current;
    return await current?.process.responds() !== false || this.#current !== current;
  }

  /** Returns whether handlers run. */
  async busy(): Promise<boolean> {
    return (await Promise.all([...this.#started].map((process) => process.busy()))).includes(true);
  }

  kill(): void {
    this.#stopped = true;
    for (const process of this.#all) process.kill();
  }

  #spawn(): RevisionProcess {
    const process = this.options.spawn();
    this.#all.add(process);
    void process.exited.then(() => {
      this.#all.delete(process);
      this.#started.delete(process);
      if (this.#spare === process) this.#spare = undefined;
      if (this.#previous?.revision.process === process) this.#previous = undefined;
    });
    return process;
  }

  #discard(process: RevisionProcess, problems: readonly string[], transient?: boolean): ReloadResult {
    process.kill();
    if (!this.#stopped) this.#spare = this.#spawn();
    return { kind: "failed", problems, ...(transient && { transient }) };
  }
}
