import type { Hono } from "hono";

/** An HTTP server that is up. */
export interface Listener {
  /** Where, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Undefined while it listens; else what is wrong. */
  problem(): string | undefined;
  /** Takes no more requests and waits for those under way, but no longer than that. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Serves an application.
 *
 * @param variable the environment variable that the port came from, for the message when it is taken
 * @throws {Error} when the port is taken or may not be used.
 */
export function listen(hostname: string, port: number, variable: string, app: Hono): Listener {
  let server: Deno.HttpServer<Deno.NetAddr>;
  const abort = new AbortController();
  try {
    server = Deno.serve({ hostname, port, signal: abort.signal, onListen: () => {} }, app.fetch);
  } catch (error) {
    const why = error instanceof Deno.errors.AddrInUse ? "another process listens there" : (error as Error).message;
    throw new Error(`cannot listen on ${hostname}:${port}: ${why}. Stop it, or set ${variable} to another port`, {
      cause: error,
    });
  }
  let ended = false;
  server.finished.then(() => ended = true, () => ended = true);
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${server.addr.port}`,
    problem: () => ended ? `nothing listens on ${host}:${server.addr.port} any more` : undefined,
    stop: async (graceMs) => {
      const timer = setTimeout(() => abort.abort(), graceMs);
      await Promise.race([server.shutdown(), server.finished]);
      clearTimeout(timer);
    },
  };
}
