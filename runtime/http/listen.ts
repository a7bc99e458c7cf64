import type { Log } from "../api/context.ts";
import { Problem } from "./problem.ts";
import type { Handler } from "./router.ts";

/** Milliseconds until a listener that has ended is opened again. */
const REOPEN_MS = 1_000;

export interface Listener {
  /** Address, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Returns the reason why it no longer listens; undefined while it does. */
  problem(): string | undefined;
  /** Takes no more requests, and waits up to `graceMs` for pending ones. */
  stop(graceMs: number): Promise<void>;
}

interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  /** Environment variable that sets the port, for the error message. */
  readonly variable: string;
  readonly handler: Handler;
  readonly log: Pick<Log, "error" | "info">;
  /**
   * Sets SO_REUSEPORT: Linux then spreads connections over all processes that listen on the port.
   *
   * @default false
   */
  readonly shared?: boolean;
}

/**
 * Starts an HTTP server. If the server ends by itself, for example for lack of file descriptors, it is opened again.
 *
 * @throws {Error} when the port is taken or not permitted.
 */
export function listen(options: ListenOptions): Listener {
  return new HttpListener(options);
}

class HttpListener implements Listener {
  readonly url: string;
  readonly #abort = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr>;
  #isOpen = true;
  #stopping = false;
  #reopening: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly options: ListenOptions) {
    const { hostname, port, variable } = options;
    try {
      this.#server = this.#open(port);
    } catch (error) {
      throw cannotListen(error, hostname, port, variable);
    }
    this.url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${this.#server.addr.port}`;
  }

  problem(): string | undefined {
    return this.#isOpen ? undefined : `no longer listening on ${this.url.slice("http://".length)}`;
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#reopening);
    if (!this.#isOpen) return;
    const server = this.#server, finished = server.finished.catch(() => {});
    // Aborting a server that has just shut down throws outside any promise, and would hide the reason of the stop.
    if (graceMs === 0) {
      this.#abort.abort();
      return await finished;
    }
    // Deno cannot abort a server that shuts down. What is left then, such as a caller that never ends its body, ends
    // with the process.
    const grace = Promise.withResolvers<void>(), timer = setTimeout(grace.resolve, graceMs);
    await Promise.race([server.shutdown(), finished, grace.promise]);
    clearTimeout(timer);
  }

  #open(port: number): Deno.HttpServer<Deno.NetAddr> {
    const { hostname, handler, shared, log } = this.options;
    const onError = (error: unknown) => {
      if (!(error instanceof Problem)) log.error("a request could not be answered", { error });
      return new Problem("internal", "the log says why").toResponse();
    };
    const options = { hostname, port, signal: this.#abort.signal, onListen: () => {}, onError };
    const server = Deno.serve(shared ? { ...options, reusePort: true } : options, handler);
    server.finished.then(() => this.#ended(), (error) => this.#ended(error));
    return server;
  }

  #ended(error?: unknown): void {
    this.#isOpen = false;
    if (this.#stopping || this.#abort.signal.aborted) return;
    this.options.log.error(`${this.problem()}: opening it again`, { error });
    this.#reopen();
  }

  #reopen(): void {
    this.#reopening = setTimeout(() => {
      try {
        this.#server = this.#open(Number(new URL(this.url).port));
        this.#isOpen = true;
        this.options.log.info("listening again", { url: this.url });
      } catch {
        this.#reopen(); // the health check says that it does not listen
      }
    }, REOPEN_MS);
  }
}

/** Checks at start that a port is free. @throws {Error} as {@linkcode listen} does. */
export function checkPort(hostname: string, port: number, variable: string): void {
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    throw cannotListen(error, hostname, port, variable);
  }
}

function cannotListen(cause: unknown, hostname: string, port: number, variable: string): Error {
  const why = cause instanceof Deno.errors.AddrInUse ? "another process listens there" : (cause as Error).message;
  return new Error(`cannot listen on ${hostname}:${port}: ${why}. Stop it, or set ${variable} to another port`, {
    cause,
  });
}
