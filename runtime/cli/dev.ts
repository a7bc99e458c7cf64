import { fileURLToPath } from "node:url";
import { type Config, ENVIRONMENT, readConfig } from "../app/config.ts";
import { authProblem } from "../app/config.ts";
import { type FileChanges, watchFiles } from "../dev/watch_files.ts";
import { TypeRollback } from "../dev/checked_types.ts";
import { spawnGeneration } from "../dev/revision_process.ts";
import { type Next, Revisions } from "../dev/revisions.ts";
import { difference } from "../dev/report.ts";
import { MOCK_SERVICES_FOLDER } from "../dev/mock_services.ts";
import { PROJECT } from "../project/load_project.ts";
import { EVENT_TYPES_FILE, writeEventTypes } from "./event_types.ts";
import { claimFolder } from "./dev_server.ts";
import { Surroundings } from "./dev_surroundings.ts";
import { paint } from "./output.ts";
import { onStopSignal } from "./signals.ts";
import { startArguments } from "./start_command.ts";
import { welcome } from "./banner.ts";

const FOLDERS = ["functions", "schemas"], SETTINGS = "deno.json";
/** What `dev` sets unless the environment does: only this machine gets in, and the log is for a person. */
const DEFAULTS = { HOST: "127.0.0.1", LOG_FORMAT: "pretty", LOG_LEVEL: "debug" };
/** Longer than the runtime gives itself: it must have the time to end by itself. */
const GRACE_MARGIN_MS = 5_000;
/** How soon it is tried again what could not start for no fault of the files. */
const TRY_AGAIN_MS = 2_000;
/** A runtime that ends by itself is started again at once; but not if the last time was so shortly before. */
const AGAIN_MS = 5_000;
/** Whoever waits for the end wants to know by then what it waits for. */
const PATIENCE_MS = 1_000;

/**
 * `dev`: owns a nats-server, the stand-ins of `functions/_dev/`, the listeners, and the processes that run the project:
 * one for each state of its files that could run. All of them end with it, also when it is killed. What runs is what
 * `start` runs, with its permissions. A change that can be loaded goes live at once; its types are checked then, and if
 * they are wrong the version before runs again.
 */
export async function dev(options: { fresh?: boolean; check?: boolean } = {}): Promise<void> {
  const begunMs = performance.now();
  const environment = (name: string) => ENVIRONMENT.get(name) || (DEFAULTS as Record<string, string>)[name];
  const config = readConfig({ ...ENVIRONMENT, get: environment });
  const unsafe = authProblem(config);
  if (unsafe) throw new Error(unsafe);
  const dev = new Dev(config, options.check ?? true);
  onStopSignal(() => void dev.stop(0), () => dev.kill());
  await claimFolder();
  if (options.fresh) await Deno.remove(new URL(".weir/jetstream", PROJECT), { recursive: true }).catch(unlessMissing);
  await dev.run(begunMs, options.fresh ?? false);
}

class Dev {
  /** Nothing but the stop is news once it has begun. */
  readonly #say = (line: string) => void (this.#stopping || say(line));
  readonly #types = new TypeRollback(PROJECT, FOLDERS, this.#say);
  #generations: Revisions | undefined;
  #stopping = false;
  #arguments: readonly string[] = [];
  /** Files that were saved since something went live. */
  readonly #changed = new Set<string>();
  #diedAtMs = -Infinity;

  readonly #around: Surroundings;

  constructor(readonly config: Config, readonly checksTypes: boolean) {
    this.#around = new Surroundings(config, this.#say);
  }

  async run(begunMs: number, fresh: boolean): Promise<void> {
    try {
      if (!this.#stopping) await this.#around.start(fresh);
      if (!this.#stopping) await this.#runFunctions(begunMs);
    } catch (error) {
      if (!this.#stopping) throw error; // else it was ended while it started
    }
  }

  async #runFunctions(begunMs: number): Promise<void> {
    const generations = await this.#startGenerations();
    await writeEventTypes();
    const changes = await watchFiles(PROJECT, FOLDERS, [SETTINGS]); // before anything is read: no change is missed
    void changes.more.then(() => generations.overtaken());
    const first = await generations.next();
    if (first.kind === "live") {
      const { loaded } = first, ms = performance.now() - begunMs, { server, foreignNats, urls } = this.#around;
      const example = await generations.example(), keys = this.config.WEIR_API_KEYS;
      if (this.#stopping) return;
      console.log(welcome({ ms, ...urls, loaded, server, foreign: foreignNats, keys, example }));
      this.#types.live([]);
      void this.#checkTypes();
    } else this.#report(first, "", 0);
    await this.#follow(generations, changes);
  }

  async #startGenerations(): Promise<Revisions> {
    const { config } = this;
    this.#arguments = await generationArguments();
    if (config.WEIR_WORKERS > 1) this.#say("WEIR_WORKERS is left alone here: one process runs the functions");
    const env = {
      ...DEFAULTS,
      ...Object.fromEntries(
        Object.keys(DEFAULTS).flatMap((name) => {
          const value = ENVIRONMENT.get(name);
          return value ? [[name, value]] : [];
        }),
      ),
      HOST: "127.0.0.1",
      PORT: "0",
      ADMIN_HOST: "127.0.0.1",
      ADMIN_PORT: "0",
      WEIR_WORKERS: "1",
      ...(this.#around.server && { NATS_URL: this.#around.server.url }),
    };
    const generations = this.#generations = new Revisions({
      spawn: () => spawnGeneration(this.#arguments, fileURLToPath(PROJECT), env),
      route: (to, why) => this.#around.route(to, why),
      died: (how) => {
        this.#say(paint("red", `the runtime ${how}`));
        const nowMs = performance.now(), again = nowMs - this.#diedAtMs < AGAIN_MS;
        this.#diedAtMs = nowMs;
        if (again) return this.#say("it would only do so again: waiting for a change");
        void generations.next().then((next) => this.#report(next, "started again", performance.now() - nowMs));
      },
      graceMs: config.SHUTDOWN_GRACE + GRACE_MARGIN_MS,
      mayGoBack: this.checksTypes,
    });
    return generations;
  }

  async #follow(generations: Revisions, changes: FileChanges): Promise<void> {
    while (true) {
      const { files, atMs } = await changes.next();
      if (this.#stopping) return;
      this.#types.cancel();
      void changes.more.then(() => generations.overtaken());
      if (files.includes(SETTINGS)) {
        try {
          this.#arguments = await generationArguments();
        } catch (error) {
          this.#report({ kind: "refused", problems: [(error as Error).message] }, "", 0);
          continue;
        }
        generations.renewSpare();
      }
      if (files.some((file) => file.startsWith(MOCK_SERVICES_FOLDER))) {
        await this.#around.standIns.start();
      }
      const ours = files.filter((file) => !file.startsWith(MOCK_SERVICES_FOLDER));
      if (ours.length === 0) {
        void this.#checkTypes();
        continue;
      }
      if (ours.some((file) => file.startsWith("schemas/")) && await writeEventTypes()) ours.push(EVENT_TYPES_FILE);
      const next = await generations.next();
      for (const file of ours) this.#changed.add(file);
      this.#report(next, [...this.#changed].join(", "), performance.now() - atMs);
    }
  }

  /** What is taken back has changed again, as seen from what runs then. */
  async #checkTypes(): Promise<void> {
    if (!this.checksTypes || this.#stopping) return;
    for (const file of await this.#types.check(this.#generations!)) this.#changed.add(file);
  }

  #report(next: Next, what: string, ms: number): void {
    const say = this.#say;
    if (this.#stopping) return;
    if (next.kind === "live") {
      this.#types.live(this.#changed);
      void this.#checkTypes();
      this.#changed.clear();
      for (const warning of next.loaded.warnings) say(`${paint("yellow", "warning")} ${warning}`);
      const changed = difference(next.before, next.loaded);
      const took = ms > 0 ? ` in ${Math.round(ms)} ms` : "";
      return say(`${what}: ${paint("green", "live")}${took}${changed}`);
    }
    for (const problem of next.problems) say(`${paint("red", "error")} ${problem}`);
    if (next.problems.length === 0) return;
    if (this.#generations?.running) return say("the last version that worked goes on running");
    if (!next.passing) return say("nothing runs: waiting for a change");
    say(`nothing runs: trying again every ${TRY_AGAIN_MS / 1_000} s, and when something changes`);
    setTimeout(() => void this.#tryAgain(), TRY_AGAIN_MS);
  }

  /** What was away may have come. Without a word, unless it has. */
  async #tryAgain(): Promise<void> {
    if (this.#stopping || this.#generations?.running) return;
    const next = await this.#generations!.next();
    if (this.#stopping || next.kind === "refused" && next.problems.length === 0) return;
    if (next.kind === "live" || !next.passing) return this.#report(next, "started", 0);
    setTimeout(() => void this.#tryAgain(), TRY_AGAIN_MS);
  }

  async stop(code: number): Promise<void> {
    this.#stopping = true;
    void this.#around.route(undefined, "it is being stopped");
    const said = setTimeout(async () => {
      if (!await this.#generations?.busy()) return;
      const grace = `up to ${this.config.SHUTDOWN_GRACE / 1_000} s (SHUTDOWN_GRACE)`;
      say(`handlers still run: they may take ${grace}. Ctrl-C again ends them now: their events come again`);
    }, PATIENCE_MS);
    await this.#around.stopStarting();
    await this.#generations?.stop();
    clearTimeout(said);
    await this.#types.stop();
    await this.#around.stop();
    Deno.exit(code);
  }

  /** At once: each of them ends by itself when this process is gone. */
  kill(): void {
    this.#generations?.kill();
    Deno.exit(130);
  }
}

async function generationArguments(): Promise<string[]> {
  const args = await startArguments();
  if (args.at(-1) === "start") return [...args.slice(0, -1), "generation"];
  throw new Error(
    'deno.json: the task "start" is to be `deno run … weir/cli start`: its permissions hold here too',
  );
}

function say(line: string): void {
  console.log(`${paint("cyan", "dev")} ${line}`);
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
