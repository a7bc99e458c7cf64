import { readInfo, type ServerInfo } from "./probe.ts";
import { type OwnedProcess, spawnOwned } from "./owned.ts";
import { listeningPort, saysPortInUse, saysReady } from "./server_log.ts";

/** A server's command, and where its log goes. */
interface LaunchOptions {
  path: string;
  args: string[];
  /** The address it is told to listen on. */
  host: string;
  /** As in `args`; for messages. Undefined if the server chooses one. */
  port?: number;
  log: (line: string) => void;
}

/** A server that answers. */
export interface Launched {
  process: OwnedProcess;
  port: number;
  info: ServerInfo;
}

const READY_WITHIN_MS = 20_000;
const LOG_LINES_IN_ERRORS = 8;

/**
 * Starts nats-server and resolves once it says that it is ready, answers on its port and has JetStream.
 *
 * Its log is what tells when and where, so a configuration must not send it to a file. A server that ends early,
 * is not ready in twenty seconds or answers wrongly is an error with its last log lines, and is gone by then.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const recent: string[] = [];
  const ready = Promise.withResolvers<number>();
  let listening: number | undefined;
  const onLine = (line: string) => {
    recent.push(line);
    if (recent.length > LOG_LINES_IN_ERRORS) recent.shift();
    listening ??= listeningPort(line);
    if (saysReady(line) && listening !== undefined) ready.resolve(listening);
    options.log(line);
  };
  const process = spawnOwned({ command: options.path, args: options.args, stdout: onLine, stderr: onLine });
  const timer = setTimeout(() => {
    ready.reject(new Error(`${options.path} was not ready within ${READY_WITHIN_MS / 1000} s`));
  }, READY_WITHIN_MS);
  process.status.then(
    ({ code, signal }) => ready.reject(new Error(endedEarly(options, recent, signal ?? `exit code ${code}`))),
    (cause) => ready.reject(cause),
  );
  try {
    const port = await ready.promise;
    const info = await readInfo(options.host, port);
    if (!info.jetstream) throw new Error(`${options.path} answers on port ${port}, but without JetStream`);
    return { process, port, info };
  } catch (cause) {
    await process.stop();
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}. Its last log lines:\n  ${recent.join("\n  ") || "(none)"}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function endedEarly(options: LaunchOptions, log: string[], how: string): string {
  if (!log.some(saysPortInUse)) return `${options.path} ended (${how}) before it was ready`;
  const where = options.port === undefined ? "a port of its configuration" : `port ${options.port} on ${options.host}`;
  return `nats-server can't start: ${where} is in use by another process. Stop that one, or choose another port`;
}
