import { setTimeout as delay } from "node:timers/promises";
import { styleText } from "node:util";
import { fileURLToPath } from "node:url";
import type { Config } from "../app/config.ts";
import { readableDuration } from "../core/duration.ts";
import { restartAfter } from "../core/restart_backoff.ts";
import type { NatsServer } from "../nats_server/server.ts";
import { PROJECT } from "../project/load_project.ts";
import { claimFolder } from "./dev_server.ts";
import { revisionEnvironment } from "./dev_environment.ts";
import { DevServices } from "./dev_services.ts";
import type { ProjectSummary } from "./messages.ts";
import { MOCK_SERVICES_FOLDER } from "./mock_services.ts";
import { LIVE, liveText, ProjectFiles } from "./project_files.ts";
import { liveLines, printLine, problemLine } from "./report_lines.ts";
import { SpawnedRevision } from "./revision_process.ts";
import { type ReloadResult, Revisions } from "./revisions.ts";
import { TypeRollback } from "./type_check.ts";
import type { FileChange } from "./watch_files.ts";
import { watchThread } from "./watch_thread.ts";

const FOLDERS = ["functions", "schemas"], DENO_JSON = "deno.json";
/** Milliseconds beyond SHUTDOWN_GRACE before a revision is killed, so that it can exit by itself. */
const GRACE_MARGIN_MS = 5_000;
/** Milliseconds between two attempts to start while the cause is outside the project, such as an unreachable server. */
const RETRY_MS = 2_000;
/** Milliseconds after which a stop says that it waits for handlers. */
const ANNOUNCE_WAIT_MS = 1_000;

/** Options of {@linkcode Dev}. */
interface DevOptions {
  readonly config: Config;
  /** Deletes all events and state of earlier runs first. */
  readonly fresh: boolean;
  /** Rolls back changes with type errors. */
  readonly checkTypes: boolean;
  /** True if a debugger may stop the thread at a breakpoint. A blocked thread is then no fault. */
  readonly inspected: boolean;
  /** Returns Deno's arguments for a revision. They may change with `deno.json`. */
  revisionArguments(): Promise<readonly string[]>;
  /** Updates the generated files of `schemas/`. Returns those whose text changed. */
  generateFiles(): Promise<readonly string[]>;
  /** Runs once the first revision is live, also after others that failed. */
  onReady(dev: DevReady): void;
}

/** Facts about a `dev` whose first revision is live. */
export interface DevReady {
  /** Milliseconds that the start took. */
  readonly ms: number;
  readonly url: string;
  readonly admin: string;
  readonly project: ProjectSummary;
  /** NATS servers, without passwords. */
  readonly natsUrl: string;
  /** The nats-server that `dev` started; undefined with NATS_URL. */
  readonly natsServer: NatsServer | undefined;
  /** Data for the first event of the ingress, as JSON. */
  readonly example: string | undefined;
}

/**
 * Runs the project and reloads it on change, with all services that it needs. Every process it starts ends with this
 * process. A revision runs as `start` does, with the same permissions. A change that loads goes live at once; its types
 * are checked afterwards, and if they are wrong the previous revision runs again.
 */
export class Dev {
  readonly #startedAtMs = performance.now();
  /** Prints a line, unless `dev` is stopping. */
  readonly #print = (line: string): void => void (this.#stopping || printLine(line));
  readonly #services: DevServices;
  readonly #types: TypeRollback;
  readonly #revisions: Revisions;
  #arguments: readonly string[] = [];
  /** Files that were saved since a revision last went live. */
  readonly #changed = new Set<string>();
  #liveAtMs = 0;
  #failures = 0;
  /** Project of the last revision that went live; undefined until the first. */
  #live: ProjectSummary | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = new AbortController();

  constructor(readonly options: DevOptions) {
    this.#services = new DevServices(options.config, this.#print);
    this.#types = new TypeRollback(PROJECT, FOLDERS, this.#print);
    this.#revisions = new Revisions({
      spawn: () =>
        new SpawnedRevision(
          this.#arguments,
          fileURLToPath(PROJECT),
          revisionEnvironment(this.#services.urls.url, this.#services.natsServer?.url),
        ),
      route: (to, reason) => this.#services.route(to, reason),
      onExit: (how) => this.#restart(how),
      graceMs: options.config.SHUTDOWN_GRACE + GRACE_MARGIN_MS,
      canRollBack: options.checkTypes,
    });
  }

  /**
   * Runs the project until {@linkcode stop} or {@linkcode kill}.
   *
   * @throws {Error} when another `dev` runs in this folder, or a service cannot start.
   */
  async run(): Promise<void> {
    try {
      await claimFolder();
      if (!this.#stopping) await this.#services.start(this.options.fresh);
      if (!this.#stopping) await this.#runFunctions();
    } catch (error) {
      if (!this.#stopping) throw error; // otherwise the stop interrupted the start
    }
  }

  get #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Ends everything, and lets handlers finish first. */
  async stop(): Promise<void> {
    this.#stop.abort();
    void this.#services.route(undefined, "dev is stopping");
    const timer = setTimeout(async () => {
      if (!await this.#revisions.busy()) return;
      const grace = `up to ${this.options.config.SHUTDOWN_GRACE / 1_000} s (SHUTDOWN_GRACE)`;
      if (Deno.stdout.isTerminal()) console.log(); // the terminal has echoed ^C on this line
      printLine(`waiting ${grace} for running handlers. Ctrl-C again stops them now; their events are redelivered`);
    }, ANNOUNCE_WAIT_MS);
    await this.#services.stopStarting();
    await this.#revisions.stop();
    clearTimeout(timer);
    await this.#types.stop();
    await this.#services.stop();
  }

  /** Kills all revisions. Every other process ends when this process exits. */
  kill(): void {
    this.#revisions.kill();
  }

  async #runFunctions(): Promise<void> {
    const { config, revisionArguments, generateFiles } = this.options;
    this.#arguments = await revisionArguments();
    if (config.WEIR_WORKERS > 1) this.#print("WEIR_WORKERS is ignored: dev runs the functions in one process");
    await generateFiles();
    const project = await ProjectFiles.watch(PROJECT, FOLDERS, [DENO_JSON]); // begins before the first load
    void project.more.then(() => this.#revisions.supersedeLoad());
    await this.#report(await this.#revisions.reload(), "", performance.now() - this.#startedAtMs);
    if (!this.options.inspected) void this.#watchThread();
    await this.#followChanges(project);
  }

  /** Makes the proxy answer while a handler blocks the revision's thread. The revision's log names the function. */
  #watchThread(): Promise<void> {
    const reason = "a handler blocks the thread of the runtime, and its log names it";
    return watchThread(() => this.#revisions.respond(), (blocked) => {
      this.#services.setBlocked(blocked ? reason : undefined);
      this.#print(
        blocked ? `${reason}: requests are answered with 503 until it awaits or is replaced` : "the thread runs again",
      );
    }, this.#stop.signal);
  }

  async #followChanges(project: ProjectFiles): Promise<void> {
    while (true) {
      const change = await project.next();
      if (this.#stopping) return;
      this.#types.cancel();
      void project.more.then(() => this.#revisions.supersedeLoad());
      await this.#apply(change, project);
    }
  }

  async #apply({ files, atMs }: FileChange, project: ProjectFiles): Promise<void> {
    if (files.some((file) => file.endsWith(DENO_JSON))) {
      try {
        this.#arguments = await this.options.revisionArguments();
      } catch (error) {
        return this.#reportFailure({ kind: "failed", problems: [(error as Error).message] });
      }
      this.#revisions.replaceSpare();
    }
    const isMock = (file: string) => file.startsWith(MOCK_SERVICES_FOLDER);
    if (files.some(isMock)) await this.#services.mockServices.start();
    if (files.every(isMock)) return void this.#checkTypes();
    const generated = files.some((file) => file.startsWith("schemas/")) ? await this.options.generateFiles() : [];
    const result = await this.#revisions.reload(), ms = performance.now() - atMs, unused = await project.unused(files);
    for (const file of unused) this.#print(`${file} is not loaded: no function and no schema imports it`);
    for (const file of files) if (!isMock(file) && !unused.includes(file)) this.#changed.add(file);
    for (const file of generated) this.#changed.add(file);
    await this.#report(result, liveText(PROJECT, this.#changed), ms);
  }

  /** Checks types in the background. After a rollback, the files of the rolled-back save count as changed again. */
  async #checkTypes(): Promise<void> {
    if (!this.options.checkTypes || this.#stopping) return;
    for (const file of await this.#types.check(this.#revisions)) this.#changed.add(file);
  }

  #restart(how: string): void {
    this.#print(styleText("red", `the runtime ${how}`));
    const nowMs = performance.now(), { failures, delayMs } = restartAfter(this.#failures, nowMs - this.#liveAtMs);
    this.#failures = failures;
    if (failures > 1) this.#print(`restarting in ${readableDuration(delayMs)}, or on a change`);
    void delay(delayMs).then(async () => {
      if (this.#stopping || !this.#revisions.idle) return;
      await this.#report(await this.#revisions.reload(), `restarted: ${LIVE}`, performance.now() - nowMs);
    });
  }

  /** Reports the first revision that is live by `onReady`, and later ones by a line. */
  async #report(result: ReloadResult, what: string, ms: number): Promise<void> {
    if (this.#stopping) return;
    if (result.kind === "failed") return this.#reportFailure(result);
    this.#liveAtMs = performance.now();
    const before = this.#live, { project } = result, { natsUrl, natsServer, urls } = this.#services;
    this.#live = project;
    const example = before ? undefined : await this.#revisions.example();
    if (this.#stopping) return;
    if (!before) this.options.onReady({ ms, ...urls, project, natsUrl, natsServer, example });
    this.#types.wentLive(this.#changed);
    void this.#checkTypes();
    this.#changed.clear();
    for (const line of liveLines(project, before)) this.#print(line);
    if (what !== "") this.#print(`${what} in ${Math.round(ms)} ms`);
  }

  #reportFailure({ problems, transient }: ReloadResult & { kind: "failed" }): void {
    for (const problem of problems) this.#print(problemLine(problem));
    if (problems.length === 0) return;
    if (this.#revisions.running) return this.#print("the last working version keeps running");
    if (!transient) return this.#print("no functions are running: waiting for a change");
    this.#print(`no functions are running: retrying every ${RETRY_MS / 1_000} s and on each change`);
    this.#retryLater();
  }

  #retryLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#retry(), RETRY_MS);
  }

  /** Tries to start again, and prints nothing while the cause is outside the project. */
  async #retry(): Promise<void> {
    if (this.#stopping || !this.#revisions.idle) return; // a reload that fails tries again by itself
    const startedAtMs = performance.now(), result = await this.#revisions.reload();
    if (result.kind === "failed" && result.transient) return this.#retryLater();
    await this.#report(result, `started: ${LIVE}`, performance.now() - startedAtMs);
  }
}
