import { join } from "node:path";
import { findServer } from "./find.ts";
import { type ChildProcess, spawnChild } from "./child_process.ts";
import { readInfo } from "./probe.ts";

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
  /** Id of the current process. A restart changes it. */
  readonly pid: number;
  /** Resolves when the current process has exited for any reason. A restart replaces this promise. */
  readonly ended: Promise<{ readonly code: number; readonly signal: Deno.Signal | null }>;
  /** Directory of JetStream's data. */
  readonly storeDir: string;
  /** Shuts the server down, which flushes its store, and removes the store if it is temporary. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL, as a crash would. The store stays. */
  kill(): Promise<void>;
  /** Stops the server if it runs, and starts it on the same port and store. `stop()` empties a temporary store. */
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
    return await launch(path, args, host, log);
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
    version: running.version,
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

/** A server that is ready. */
interface LaunchedServer {
  process: ChildProcess;
  port: number;
  version: string;
}

/** Upper bound for a start in milliseconds: a large store takes seconds to recover. */
const READY_WITHIN_MS = 20_000;
const LOG_LINES_IN_ERRORS = 8;

/**
 * Starts nats-server and resolves once it is ready, answers on its port and has JetStream. Readiness and port are read
 * from its log, so a configuration must not redirect the log to a file.
 *
 * @throws {Error} with its last log lines when it exits early or is not ready in time. The process has exited by then.
 */
async function launch(
  path: string,
  args: string[],
  host: string,
  log: (line: string) => void,
): Promise<LaunchedServer> {
  const recent: string[] = [];
  const ready = Promise.withResolvers<number>();
  let listening: number | undefined;
  const onLine = (line: string) => {
    recent.push(line);
    if (recent.length > LOG_LINES_IN_ERRORS) recent.shift();
    listening ??= listeningPort(line);
    if (line.endsWith(" Server is ready") && listening !== undefined) ready.resolve(listening);
    log(line);
  };
  const process = spawnChild({ command: path, args, stdout: onLine, stderr: onLine });
  const timer = setTimeout(() => {
    ready.reject(new Error(`${path} was not ready within ${READY_WITHIN_MS / 1000} s`));
  }, READY_WITHIN_MS);
  process.status.then(
    ({ code, signal }) => {
      ready.reject(new Error(`${path} exited (${signal ?? `exit code ${code}`}) before it was ready`));
    },
    (cause) => ready.reject(cause),
  );
  try {
    const port = await ready.promise;
    const info = await readInfo(host, port);
    if (!info.jetstream) throw new Error(`${path} runs on port ${port} without JetStream`);
    return { process, port, version: info.version };
  } catch (cause) {
    await process.stop();
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}. Its last log lines:\n  ${recent.join("\n  ") || "(none)"}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the port in "Listening for client connections on 127.0.0.1:4222", or undefined for other log lines. */
export function listeningPort(line: string): number | undefined {
  const match = /Listening for client connections on \S+:(\d+)$/.exec(line);
  return match ? Number(match[1]) : undefined;
}
