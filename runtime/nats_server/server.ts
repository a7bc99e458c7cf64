import { join } from "node:path";
import { findServer } from "./find.ts";
import { launch, type LaunchedServer } from "./launch.ts";

/** Options of {@linkcode startServer}. */
export interface ServerOptions {
  /** Path of the nats-server. @default the one that {@linkcode findServer} finds or fetches */
  path?: string;
  /** Directory of JetStream's data. @default a new temporary directory, which `stop()` removes */
  storeDir?: string;
  /** @default a free port */
  port?: number;
  /** Address to listen on. @default "127.0.0.1" */
  host?: string;
  /** Name of the server. @default a random name */
  name?: string;
  /** Further configuration in nats-server's own format. The options above override it. */
  config?: string;
  /** Receives each line of the server's log. @default no log */
  log?: (line: string) => void;
}

/** A running nats-server with JetStream. `await using` stops it. */
export interface NatsServer extends AsyncDisposable {
  /** Address for clients, such as "nats://127.0.0.1:4222". */
  readonly url: string;
  /** Port in `url`. */
  readonly port: number;
  /** Version that the server reports, such as "2.15.1". */
  readonly version: string;
  /** Id of the current process: another one after a restart. */
  readonly pid: number;
  /** Resolves when the current process has exited for any reason. A restart replaces this promise. */
  readonly ended: Promise<{ readonly code: number; readonly signal: Deno.Signal | null }>;
  /** Directory of JetStream's data. */
  readonly storeDir: string;
  /** Shuts the server down, which flushes its store, and removes the store if it is temporary. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL, as a crash would. The store stays. */
  kill(): Promise<void>;
  /** Stops the server if it runs, and starts it on the same port and store. A temporary store is empty after `stop()`. */
  restart(): Promise<void>;
}

/** Milliseconds before SIGKILL: the server flushes its store first. */
const STOP_GRACE_MS = 10_000;

/**
 * Starts a nats-server with JetStream that ends with this process, and resolves once it answers.
 *
 * In a cluster the meta leader may not be elected by then.
 */
export async function startServer(options: ServerOptions = {}): Promise<NatsServer> {
  const { host = "127.0.0.1", log = () => {} } = options;
  const path = options.path ?? await findServer(Deno.env, log);
  const needsTemporary = options.storeDir === undefined || options.config !== undefined;
  const temporary = needsTemporary ? await Deno.makeTempDir({ prefix: "weir-nats-" }) : "";
  const storeDir = options.storeDir ?? join(temporary, "store");

  const start = async (port: number | undefined): Promise<LaunchedServer> => {
    const args = ["-js", "-sd", storeDir, "-a", host, "-p", String(port ?? -1)];
    if (options.name !== undefined) args.push("-n", options.name);
    if (needsTemporary) await Deno.mkdir(temporary, { recursive: true });
    if (options.config !== undefined) {
      const file = join(temporary, "nats.conf");
      await Deno.writeTextFile(file, options.config);
      args.push("-c", file);
    }
    return await launch({ path, args, host, log });
  };
  const removeTemporary = async () => {
    if (!needsTemporary) return;
    await Deno.remove(temporary, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  };

  let running: LaunchedServer;
  try {
    running = await start(options.port);
  } catch (error) {
    await removeTemporary();
    throw error;
  }
  const { port } = running;
  const stop = async () => {
    await running.process.stop("SIGTERM", STOP_GRACE_MS);
    await removeTemporary();
  };
  return {
    url: `nats://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    version: running.info.version,
    get pid() {
      return running.process.pid;
    },
    get ended() {
      return running.process.status;
    },
    storeDir,
    stop,
    kill: () => running.process.stop("SIGKILL"),
    restart: async () => {
      await running.process.stop("SIGTERM", STOP_GRACE_MS);
      running = await start(port);
    },
    [Symbol.asyncDispose]: stop,
  };
}
