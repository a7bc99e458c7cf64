import { fileURLToPath } from "node:url";
import type { NatsServer } from "../nats_server/server.ts";
import { type Config, ENVIRONMENT, readConfig } from "../app/config.ts";
import { authProblem } from "../app/config.ts";
import { type Changes, watchFiles } from "../dev/watch_files.ts";
import type { Front } from "../dev/reload_proxy.ts";
import { openFront } from "../dev/open_proxy.ts";
import { spawnGeneration } from "../dev/revision_process.ts";
import { Generations, type Next } from "../dev/revisions.ts";
import { keepNats, startNats } from "../dev/local_nats.ts";
import { difference, showDiagnostics } from "../dev/report.ts";
import { STAND_INS, StandIns } from "../dev/mock_services.ts";
import { TypeCheck } from "../dev/type_check.ts";
import { listSources, PROJECT } from "../project/load_project.ts";
import { EVENT_TYPES_FILE, writeEventTypes } from "./event_types.ts";
import { claimFolder, forgetDevServer, rememberDevServer } from "./dev_server.ts";
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
 * `start` runs, with its permissions.
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
  readonly #standIns = new StandIns(PROJECT, say);
  readonly #types = new TypeCheck(PROJECT, (why) => say(paint("yellow", why)));
  #server: NatsServer | undefined;
  #fronts: readonly Front[] = [];
  #generations: Generations | undefined;
  #stopping = false;
  #arguments: readonly string[] = [];
  /** Files that were saved since something went live. */
  readonly #changed = new Set<string>();
  #diedAtMs = -Infinity;

  constructor(readonly config: Config, readonly checksTypes: boolean) {}

  async run(begunMs: number, fresh: boolean): Promise<void> {
    const { config } = this;
    // The public listener first: whoever started this looks there.
    const front = await openFront("PORT", config.HOST, config.PORT, say);
    const admin = await openFront("ADMIN_PORT", config.ADMIN_HOST, config.ADMIN_PORT, say);
    this.#fronts = [front, admin];
    const ownNats = !ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE");
    const standIns = this.#standIns.start();
    if (ownNats && fresh) say("all events and state of before are gone, as --fresh wants it");
    const server = this.#server = ownNats ? await startNats(PROJECT, say) : undefined;
    if (server) void keepNats(server, () => this.#stopping, say);
    const foreign = config.NATS_URL.map(withoutPassword).join(",");
    await rememberDevServer({
      nats: server?.url ?? foreign,
      url: front.url,
      admin: admin.url,
    });
    await standIns;
    const generations = await this.#startGenerations(front, admin);
    await writeEventTypes();
    const changes = await watchFiles(PROJECT, FOLDERS, [SETTINGS]); // before anything is read: no change is missed
    void changes.more.then(() => generations.overtaken());
    const first = await generations.next(() => Promise.resolve([]));
    if (this.#stopping) return;
    if (first.kind === "live") {
      const { loaded } = first, ms = performance.now() - begunMs;
      const example = await generations.example(), keys = config.WEIR_API_KEYS;
      console.log(welcome({ ms, url: front.url, admin: admin.url, loaded, server, foreign, keys, example }));
    } else this.#report(first, "", 0);
    if (this.checksTypes) void this.#checkAll();
    await this.#follow(generations, changes);
  }

  async #startGenerations(front: Front, admin: Front): Promise<Generations> {
    const { config } = this;
    this.#arguments = await generationArguments();
    if (config.WEIR_WORKERS > 1) say("WEIR_WORKERS is left alone here: one process runs the functions");
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
      ...(this.#server && { NATS_URL: this.#server.url }),
    };
    const generations = this.#generations = new Generations({
      spawn: () => spawnGeneration(this.#arguments, fileURLToPath(PROJECT), env),
      route: async (to, why) => {
        await Promise.all([front.to(to?.url, why), admin.to(to?.adminUrl, why)]);
      },
      died: (how) => {
        say(paint("red", `the runtime ${how}`));
        const nowMs = performance.now(), again = nowMs - this.#diedAtMs < AGAIN_MS;
        this.#diedAtMs = nowMs;
        if (again) return say("it would only do so again: waiting for a change");
        void generations.next(() => Promise.resolve([])).then((next) =>
          this.#report(next, "started again", performance.now() - nowMs)
        );
      },
      graceMs: config.SHUTDOWN_GRACE + GRACE_MARGIN_MS,
    });
    return generations;
  }

  async #follow(generations: Generations, changes: Changes): Promise<void> {
    while (true) {
      const { files, atMs } = await changes.next();
      if (this.#stopping) return;
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
      if (files.some((file) => file.startsWith(STAND_INS))) {
        await this.#standIns.stop();
        await this.#standIns.start();
      }
      const ours = files.filter((file) => !file.startsWith(STAND_INS));
      if (ours.length === 0) continue;
      if (ours.some((file) => file.startsWith("schemas/")) && await writeEventTypes()) ours.push(EVENT_TYPES_FILE);
      const next = await generations.next(async () =>
        await showDiagnostics(PROJECT, await this.#types.changed(await filesOf(ours)))
      );
      for (const file of ours) this.#changed.add(file);
      if (!this.#stopping) this.#report(next, [...this.#changed].join(", "), performance.now() - atMs);
    }
  }

  /** It takes seconds: neither the first start waits for this, nor what is saved meanwhile. */
  async #checkAll(): Promise<void> {
    const files = (await Promise.all(FOLDERS.map((folder) => listSources(PROJECT, folder)))).flat();
    const found = await this.#types.begin(files);
    if (this.#stopping || !found) return;
    if (found.length === 0) return say("types are checked: no errors");
    for (const one of await showDiagnostics(PROJECT, found)) say(`${paint("red", "type error")} ${one}`);
    say("it runs all the same, until the next change");
  }

  #report(next: Next, what: string, ms: number): void {
    if (next.kind === "live") {
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
    const next = await this.#generations!.next(() => Promise.resolve([]));
    if (this.#stopping || next.kind === "refused" && next.problems.length === 0) return;
    if (next.kind === "live" || !next.passing) return this.#report(next, "started", 0);
    setTimeout(() => void this.#tryAgain(), TRY_AGAIN_MS);
  }

  async stop(code: number): Promise<void> {
    this.#stopping = true;
    for (const front of this.#fronts) void front.to(undefined, "it is being stopped");
    const said = setTimeout(() => {
      const grace = `up to ${this.config.SHUTDOWN_GRACE / 1_000} s (SHUTDOWN_GRACE)`;
      say(`handlers still run: they may take ${grace}. Ctrl-C again ends them now: their events come again`);
    }, PATIENCE_MS);
    await this.#generations?.stop();
    clearTimeout(said);
    await Promise.all([this.#standIns.stop(), this.#types.stop(), ...this.#fronts.map((front) => front.stop())]);
    await forgetDevServer();
    await this.#server?.stop();
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

/** Of a folder, what is in it. */
async function filesOf(changed: readonly string[]): Promise<string[]> {
  const files = changed.map((one) => one.endsWith("/") ? listSources(PROJECT, one.slice(0, -1)) : [one]);
  return (await Promise.all(files)).flat();
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/, "$1");
}

function say(line: string): void {
  console.log(`${paint("cyan", "dev")} ${line}`);
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
