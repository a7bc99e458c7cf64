import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { guardOf } from "../app/admin_guard.ts";
import { type Config, ENVIRONMENT } from "../app/config.ts";
import { systemClock } from "../engine/system_clock.ts";
import { withoutPassword } from "../nats/client/nats_options.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import { type NatsServer, startServer } from "../nats_server/server.ts";
import { PROJECT } from "../project/load_project.ts";
import { forgetDevServer, rememberDevServer } from "./dev_server.ts";
import type { RevisionAddress } from "./messages.ts";
import { MockServices } from "./mock_services.ts";
import { firstFreePort, listeningProcess } from "./ports.ts";
import { openProxy, type ReloadProxy } from "./reload_proxy.ts";

/** Milliseconds that a stop waits for an unfinished start, which may be downloading a nats-server. */
const START_MS = 2_000;

const NATS_PORT = 4222;
const STORE = ".weir/jetstream";
/** Milliseconds between two exits of the server. After a shorter time it is not restarted: it would exit again. */
const MIN_UPTIME_MS = 5_000;

/** The services that `dev` runs beside the functions: listeners, mock services, and a nats-server without NATS_URL. */
export class DevServices {
  readonly mockServices: MockServices;
  /** The nats-server that `dev` started; undefined with NATS_URL. */
  natsServer: NatsServer | undefined;
  #proxies: readonly ReloadProxy[] = [];
  /** Resolves when the start is done or has failed. */
  #starting: Promise<unknown> = Promise.resolve();
  #started = false;
  #stopping = false;

  constructor(readonly config: Config, readonly print: (line: string) => void) {
    this.mockServices = new MockServices(PROJECT, print);
  }

  /** NATS servers, without passwords. */
  get natsUrl(): string {
    return this.natsServer?.url ?? this.config.NATS_URL.map(withoutPassword).join(",");
  }

  get urls(): { readonly url: string; readonly admin: string } {
    const [ingress, admin] = this.#proxies;
    return { url: ingress.url, admin: admin.url };
  }

  /** @param fresh Whether to delete the data of the local nats-server first. */
  async start(fresh: boolean): Promise<void> {
    const started = this.#start(fresh);
    this.#starting = started.catch(() => {});
    await started;
    this.#started = true;
  }

  /**
   * Forwards requests to a revision from now on, and resolves once the previous revision has answered its requests.
   *
   * @param reason Text of the answer while there is no revision.
   */
  async route(to: RevisionAddress | undefined, reason?: string): Promise<void> {
    const [ingress, admin] = this.#proxies;
    await Promise.all([ingress?.route(to?.url, reason), admin?.route(to?.adminUrl, reason)]);
  }

  /** Answers requests with 503 and this reason while the thread of the revision is blocked. */
  setBlocked(reason: string | undefined): void {
    for (const proxy of this.#proxies) proxy.setBlocked(reason);
  }

  /** Waits for a start in progress, so that no program of it is left running. */
  async stopStarting(): Promise<void> {
    this.#stopping = true;
    if (!this.#started) void this.mockServices.stop(); // once started, running handlers may still call them
    await withTimeout(systemClock, START_MS, this.#starting).catch(() => {});
  }

  async stop(): Promise<void> {
    await Promise.all([this.mockServices.stop(), ...this.#proxies.map((proxy) => proxy.stop())]);
    await forgetDevServer();
    await this.natsServer?.stop();
  }

  async #start(fresh: boolean): Promise<void> {
    const { config, print } = this;
    if (fresh) await deleteNatsData();
    const ingress = await openProxy("PORT", config.HOST, config.PORT, print);
    const guard = guardOf(config);
    this.#proxies = [ingress, await openProxy("ADMIN_PORT", config.ADMIN_HOST, config.ADMIN_PORT, print, guard)];
    if (this.#stopping) return;
    const mockServices = this.mockServices.start();
    if (!ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE")) {
      if (fresh) print("deleted all events and state of earlier runs (--fresh)");
      this.natsServer = await startLocalNats(print);
      void restartNatsOnExit(this.natsServer, () => this.#stopping, print);
    }
    await rememberDevServer({ nats: this.natsUrl, ...this.urls });
    await mockServices;
  }
}

/** Starts the nats-server of a project, on NATS's usual port if that is free, with its data in `.weir/`. */
async function startLocalNats(print: (line: string) => void): Promise<NatsServer> {
  const isFree = () => firstFreePort("127.0.0.1", NATS_PORT) === NATS_PORT;
  const printProblem = (line: string) => line.includes("[INF]") || print(line);
  const storeDir = fileURLToPath(new URL(STORE, PROJECT));
  if (isFree()) {
    let started = false;
    const log = (line: string) => (started || !line.includes("[FTL]")) && printProblem(line); // the error repeats [FTL]
    try {
      const server = await startServer({ port: NATS_PORT, storeDir, log });
      started = true;
      return server;
    } catch (error) {
      if (isFree()) throw error; // otherwise another `dev` has just taken the port
    }
  }
  const user = await listeningProcess(NATS_PORT) ?? "another process";
  print(`port ${NATS_PORT} is in use by ${user}: nats-server uses another port`);
  return await startServer({ storeDir, log: printProblem });
}

/** Deletes the data of the nats-server of a project. */
async function deleteNatsData(): Promise<void> {
  try {
    await Deno.remove(new URL(STORE, PROJECT), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Restarts the server whenever it exits by itself, unless it exits again soon, as with a store it cannot write. */
async function restartNatsOnExit(
  server: NatsServer,
  stopping: () => boolean,
  print: (line: string) => void,
): Promise<void> {
  for (let lastMs = -Infinity, nowMs = 0;; lastMs = nowMs) {
    const { code, signal } = await server.ended;
    if (stopping()) return;
    nowMs = performance.now();
    const exit = styleText("red", `nats-server ${signal ? `was killed by ${signal}` : `exited with code ${code}`}`);
    if (nowMs - lastMs < MIN_UPTIME_MS) return print(`${exit} again: stop dev with Ctrl-C and start it again`);
    try {
      await server.restart();
    } catch (error) {
      return print(`${exit} and could not be restarted: ${(error as Error).message}`);
    }
    print(`${exit}: restarted with all stored data`);
  }
}
