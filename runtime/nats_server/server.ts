import { join } from "node:path";
import { findServer } from "./find.ts";
import { launch, type Launched } from "./launch.ts";

/** How to run a nats-server; all of it may be left out. */
export interface ServerOptions {
  /** The nats-server to run; else the one that {@linkcode findServer} finds or fetches. */
  path?: string;
  /** Where JetStream keeps its data; else a fresh temporary directory, removed by `stop()`. */
  storeDir?: string;
  /** Else a free one. */
  port?: number;
  /** The address to listen on: 127.0.0.1 unless given. */
  host?: string;
  /** The server's name; a random one unless given. */
  name?: string;
  /** Further configuration in nats-server's own format. What the options above say wins over it. */
  config?: string;
  /** Is given the server's log, a line at a time. */
  log?: (line: string) => void;
}

/** A running nats-server with JetStream. `await using` stops it. */
export interface NatsServer extends AsyncDisposable {
  /** Such as "nats://127.0.0.1:4222". */
  readonly url: string;
  /** The port of `url`. */
  readonly port: number;
  /** As the server reports it: "2.15.1". */
  readonly version: string;
  /** Changes with a restart. */
  readonly pid: number;
  /** Resolves when the process that runs now has ended, whoever wanted that. Another one with a restart. */
  readonly ended: Promise<{ readonly code: number; readonly signal: Deno.Signal | null }>;
  /** Where its streams are kept. */
  readonly storeDir: string;
  /** Lets the server shut down, which writes out its store; then removes the store if it is temporary. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would end it. The store stays. */
  kill(): Promise<void>;
  /** Starts it on the same port and store (empty after the `stop()` of a temporary one). Running, it is stopped first. */
  restart(): Promise<void>;
}

const STOP_GRACE_MS = 10_000;

/**
 * Starts a nats-server with JetStream that can't outlive us, and resolves once it answers.
 *
 * In a cluster the meta leader may not be elected yet: wait for what you need from the cluster.
 */
export async function startServer(options: ServerOptions = {}): Promise<NatsServer> {
  const { host = "127.0.0.1", log = () => {} } = options;
  const path = options.path ?? await findServer(Deno.env, log);
  const needsTemporary = options.storeDir === undefined || options.config !== undefined;
  const temporary = needsTemporary ? await Deno.makeTempDir({ prefix: "weir-nats-" }) : "";
  const storeDir = options.storeDir ?? join(temporary, "store");

  const start = async (port: number | undefined): Promise<Launched> => {
    const args = ["-js", "-sd", storeDir, "-a", host, "-p", String(port ?? -1)];
    if (options.name !== undefined) args.push("-n", options.name);
    if (needsTemporary) await Deno.mkdir(temporary, { recursive: true });
    if (options.config !== undefined) {
      const file = join(temporary, "nats.conf");
      await Deno.writeTextFile(file, options.config);
      args.push("-c", file);
    }
    return await launch({ path, args, host, port, log });
  };
  const removeTemporary = async () => {
    if (!needsTemporary) return;
    await Deno.remove(temporary, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  };

  let running: Launched;
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
