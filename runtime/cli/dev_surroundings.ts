import type { NatsServer } from "../nats_server/server.ts";
import { type Config, ENVIRONMENT } from "../app/config.ts";
import type { ReloadProxy } from "../dev/reload_proxy.ts";
import { openProxy } from "../dev/open_proxy.ts";
import { restartNatsOnExit, startLocalNats } from "../dev/local_nats.ts";
import { MockServices } from "../dev/mock_services.ts";
import type { Address } from "../dev/messages.ts";
import { PROJECT } from "../project/load_project.ts";
import { forgetDevServer, rememberDevServer } from "./dev_server.ts";

/** Upper bound for what is only starting when it is to end: a nats-server may still have to be downloaded. */
const STARTING_MS = 2_000;

/** What `dev` runs around the functions: the listeners, the stand-ins, and a nats-server unless there is one. */
export class Surroundings {
  readonly standIns: MockServices;
  server: NatsServer | undefined;
  #fronts: readonly ReloadProxy[] = [];
  /** Resolves when all of it is there, or cannot be. */
  #starting: Promise<unknown> = Promise.resolve();
  #started = false;
  #stopping = false;

  constructor(readonly config: Config, readonly say: (line: string) => void) {
    this.standIns = new MockServices(PROJECT, say);
  }

  /** Where the NATS is that `dev` was told of, without its password. */
  get foreignNats(): string {
    return this.config.NATS_URL.map(withoutPassword).join(",");
  }

  get urls(): { readonly url: string; readonly admin: string } {
    const [front, admin] = this.#fronts;
    return { url: front.url, admin: admin.url };
  }

  async start(fresh: boolean): Promise<void> {
    const started = this.#start(fresh);
    this.#starting = started.catch(() => {});
    await started;
    this.#started = true;
  }

  /** Requests go there from now on. Resolves when what they went to before has answered all that it was sent. */
  async route(to: Address | undefined, why?: string): Promise<void> {
    const [front, admin] = this.#fronts;
    await Promise.all([front?.to(to?.url, why), admin?.to(to?.adminUrl, why)]);
  }

  /** What is only starting is waited for, for a moment: so that nothing of it is left running. */
  async stopStarting(): Promise<void> {
    this.#stopping = true;
    if (!this.#started) void this.standIns.stop(); // else handlers that run may still call them
    const { promise: late, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, STARTING_MS);
    await Promise.race([this.#starting, late]);
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    await Promise.all([this.standIns.stop(), ...this.#fronts.map((front) => front.stop())]);
    await forgetDevServer();
    await this.server?.stop();
  }

  async #start(fresh: boolean): Promise<void> {
    const { config, say } = this;
    // The public listener first: whoever started this looks there.
    const front = await openProxy("PORT", config.HOST, config.PORT, say);
    this.#fronts = [front, await openProxy("ADMIN_PORT", config.ADMIN_HOST, config.ADMIN_PORT, say)];
    if (this.#stopping) return;
    const ownNats = !ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE");
    const standIns = this.standIns.start();
    if (ownNats && fresh) say("all events and state of before are gone, as --fresh wants it");
    const server = this.server = ownNats ? await startLocalNats(PROJECT, say) : undefined;
    if (server) void restartNatsOnExit(server, () => this.#stopping, say);
    await rememberDevServer({ nats: server?.url ?? this.foreignNats, ...this.urls });
    await standIns;
  }
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/, "$1");
}
