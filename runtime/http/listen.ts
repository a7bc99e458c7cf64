import type { Handler } from "./router.ts";

export interface Listener {
  /** Address, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Returns the reason why it no longer listens; undefined while it does. */
  problem(): string | undefined;
  /** Takes no more requests, and waits up to `graceMs` for pending ones. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts an HTTP server.
 *
 * @param variable environment variable that sets the port, for the error message
 * @param shared sets SO_REUSEPORT: Linux then spreads connections over all processes that listen on the port.
 * Default: false.
 * @throws {Error} when the port is taken or not permitted.
 */
export function listen(hostname: string, port: number, variable: string, handler: Handler, shared = false): Listener {
  let server: Deno.HttpServer<Deno.NetAddr>;
  const abort = new AbortController();
  try {
    const options = { hostname, port, signal: abort.signal, onListen: () => {} };
    server = Deno.serve(shared ? { ...options, reusePort: true } : options, handler);
  } catch (error) {
    throw cannotListen(error, hostname, port, variable);
  }
  let ended = false;
  server.finished.then(() => ended = true, () => ended = true);
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${server.addr.port}`,
    problem: () => ended ? `no longer listening on ${host}:${server.addr.port}` : undefined,
    stop: async (graceMs) => {
      // Aborting a server that has just shut down throws outside any promise, and would hide the reason of the stop.
      if (graceMs === 0) {
        abort.abort();
        return await server.finished;
      }
      const timer = setTimeout(() => ended || abort.abort(), graceMs);
      await Promise.race([server.shutdown(), server.finished]);
      clearTimeout(timer);
    },
  };
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
