import { readInfo, type ServerInfo } from "./probe.ts";
import { type ChildProcess, spawnChild } from "./child_process.ts";

/** Command of a server, and the receiver of its log. */
interface LaunchOptions {
  path: string;
  args: string[];
  /** Address in `args`. */
  host: string;
  log: (line: string) => void;
}

/** A server that is ready. */
export interface LaunchedServer {
  process: ChildProcess;
  port: number;
  info: ServerInfo;
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
export async function launch(options: LaunchOptions): Promise<LaunchedServer> {
  const recent: string[] = [];
  const ready = Promise.withResolvers<number>();
  let listening: number | undefined;
  const onLine = (line: string) => {
    recent.push(line);
    if (recent.length > LOG_LINES_IN_ERRORS) recent.shift();
    listening ??= listeningPort(line);
    if (line.endsWith(" Server is ready") && listening !== undefined) ready.resolve(listening);
    options.log(line);
  };
  const process = spawnChild({ command: options.path, args: options.args, stdout: onLine, stderr: onLine });
  const timer = setTimeout(() => {
    ready.reject(new Error(`${options.path} was not ready within ${READY_WITHIN_MS / 1000} s`));
  }, READY_WITHIN_MS);
  process.status.then(
    ({ code, signal }) => {
      ready.reject(new Error(`${options.path} exited (${signal ?? `exit code ${code}`}) before it was ready`));
    },
    (cause) => ready.reject(cause),
  );
  try {
    const port = await ready.promise;
    const info = await readInfo(options.host, port);
    if (!info.jetstream) throw new Error(`${options.path} runs on port ${port} without JetStream`);
    return { process, port, info };
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
