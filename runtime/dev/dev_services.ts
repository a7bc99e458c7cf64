import { type Config, ENVIRONMENT } from "../app/config.ts";
import { systemClock } from "../engine/system_clock.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import type { NatsServer } from "../nats_server/server.ts";
import { PROJECT } from "../project/load_project.ts";
import { forgetDevServer, rememberDevServer } from "./dev_server.ts";
import { deleteNatsData, restartNatsOnExit, startLocalNats } from "./local_nats.ts";
import type { RevisionAddress } from "./messages.ts";
import { MockServices } from "./mock_services.ts";
import { openProxy, type ReloadProxy } from "./reload_proxy.ts";

/** Upper bound in milliseconds for the wait for a start at the stop: it may be downloading a nats-server. */
const START_MS = 2_000;

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

  /** Waits for a start in progress, so that nothing it starts is left running. */
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
    if (fresh) await deleteNatsData(PROJECT);
    const ingress = await openProxy("PORT", config.HOST, config.PORT, print);
    this.#proxies = [ingress, await openProxy("ADMIN_PORT", config.ADMIN_HOST, config.ADMIN_PORT, print)];
    if (this.#stopping) return;
    const mockServices = this.mockServices.start();
    if (!ENVIRONMENT.get("NATS_URL") && !ENVIRONMENT.get("NATS_URL_FILE")) {
      if (fresh) print("deleted all events and state of earlier runs (--fresh)");
      this.natsServer = await startLocalNats(PROJECT, print);
      void restartNatsOnExit(this.natsServer, () => this.#stopping, print);
    }
    await rememberDevServer({ nats: this.natsUrl, ...this.urls });
    await mockServices;
  }
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/, "$1");
}
