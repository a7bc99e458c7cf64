import type { RevisionFailure, RevisionProcess } from "./revision_process.ts";
import type { Address, ProjectSummary } from "./messages.ts";

/** What became of a change. */
export type Next =
  | { readonly kind: "live"; readonly loaded: ProjectSummary; readonly before: ProjectSummary | undefined }
  | ({ readonly kind: "refused" } & RevisionFailure);

/** What {@linkcode Revisions} stands on. */
interface GenerationsOptions {
  spawn(): RevisionProcess;
  /** From now on requests go there; undefined: nowhere, for that reason. Resolves when the one before has none left. */
  route(to: Address | undefined, why?: string): Promise<void>;
  /** The one that ran ended though nobody wanted it to. */
  died(how: string): void;
  readonly graceMs: number;
  /** Whether the version before rests until the one that replaced it is accepted, so that it can be gone back to. */
  readonly mayGoBack: boolean;
}

interface Version {
  readonly process: RevisionProcess;
  readonly loaded: ProjectSummary;
}

/** Longer than a load takes that comes to its end: one in progress is let be, so that many saves do not starve. */
const OVERTAKEN_MS = 2_000;

/**
 * The project, a process for each state of its files that could run. Beside the one that runs waits a spare with the
 * whole runtime in memory, so that a change costs no more than importing what changed. It takes over once it has been
 * seen to start; the one before then gives back what it has not begun and finishes the rest. The one before may rest until
 * its successor is accepted, and be gone back to instead.
 */
export class Revisions {
  #spare: RevisionProcess | undefined;
  #current: Version | undefined;
  /** The one to go back to, and when the requests that it was sent are answered. */
  #before: { readonly version: Version; readonly idle: Promise<void> } | undefined;
  readonly #all = new Set<RevisionProcess>();
  /** Those of them that run functions, or did: they may have handlers to finish. */
  readonly #ran = new Set<RevisionProcess>();
  #stopped = false;
  #loading: { readonly process: RevisionProcess; readonly sinceMs: number; overtaken: boolean } | undefined;
  /** One at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly options: GenerationsOptions) {}

  /** Whether anything runs. */
  get running(): boolean {
    return this.#current !== undefined;
  }

  /** Runs the files as they are now, unless they cannot be loaded and run: then what ran goes on. */
  next(): Promise<Next> {
    return this.#inTurn(() => this.#next());
  }

  /** What runs is good: the version before is no longer needed. */
  accept(): void {
    const before = this.#before;
    this.#before = undefined;
    if (before) this.#end(before.version, before.idle);
  }

  /** Runs the version before again, in place of what runs. Undefined: there is none. */
  goBack(): Promise<Next | undefined> {
    return this.#inTurn(() => this.#goBack());
  }

  #inTurn<Result>(what: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(what);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #next(): Promise<Next> {
    if (this.#stopped) return { kind: "refused", problems: [] };
    const { process, loaded, overtaken } = await this.#load();
    if (overtaken) return this.#refuse(process, []);
    if ("problems" in loaded) return this.#refuse(process, loaded.problems);
    this.#ran.add(process);
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
    if (last && this.options.mayGoBack && !this.#before) this.#rest(last, idle);
    else if (last) this.#end(last, idle);
    this.#spare = this.#spawn();
    return { kind: "live", loaded, before: last?.loaded };
  }

  async #goBack(): Promise<Next | undefined> {
    const before = this.#before;
    if (!before || this.#stopped) return undefined;
    this.#before = undefined;
    const address = await before.version.process.go();
    if ("problems" in address) {
      before.version.process.kill();
      return { kind: "refused", problems: address.problems };
    }
    const wrong = this.#current;
    this.#current = before.version;
    const idle = this.options.route(address);
    if (wrong) this.#end(wrong, idle);
    return { kind: "live", loaded: before.version.loaded, before: wrong?.loaded };
  }

  #rest(version: Version, idle: Promise<void>): void {
    const before = this.#before = { version, idle };
    void idle.then(() => {
      if (this.#before === before) version.process.rest();
    });
  }

  #end(version: Version, idle: Promise<void>): void {
    void idle.then(() => version.process.stop(this.options.graceMs));
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

  async #loadIn(process: RevisionProcess) {
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
    if (!this.#spare || this.#stopped) return;
    this.#spare.kill();
    this.#spare = this.#spawn();
  }

  /** Those that run may finish what they are at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#all].map((process) => {
      if (!this.#ran.has(process)) process.kill();
      return process.stop(this.options.graceMs);
    }));
  }

  /** Whether handlers run. */
  async busy(): Promise<boolean> {
    return (await Promise.all([...this.#ran].map((process) => process.busy()))).includes(true);
  }

  kill(): void {
    this.#stopped = true;
    for (const process of this.#all) process.kill();
  }

  #spawn(): RevisionProcess {
    const process = this.options.spawn();
    this.#all.add(process);
    void process.ended.then(() => {
      this.#all.delete(process);
      this.#ran.delete(process);
      if (this.#spare === process) this.#spare = undefined;
      if (this.#before?.version.process === process) this.#before = undefined;
    });
    return process;
  }

  #refuse(process: RevisionProcess, problems: readonly string[], passing?: boolean): Next & RevisionFailure {
    process.kill();
    if (!this.#stopped) this.#spare = this.#spawn();
    return { kind: "refused", problems, ...(passing && { passing }) };
  }
}
