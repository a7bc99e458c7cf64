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
 * @param shared whether others may listen there too, if they say so as well: Linux shares the connections out
 * @throws {Error} when the port is taken or may not be used.
 */
export function listen(hostname: string, port: number, variable: string, app: Hono, shared = false): Listener {
  let server: Deno.HttpServer<Deno.NetAddr>;
  const abort = new AbortController();
  try {
    const options = { hostname, port, signal: abort.signal, onListen: () => {} };
    server = Deno.serve(shared ? { ...options, reusePort: true } : options, app.fetch);
  } catch (error) {
    throw cannotListen(error, hostname, port, variable);
  }
  let ended = false;
  server.finished.then(() => ended = true, () => ended = true);
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${server.addr.port}`,
    problem: () => ended ? `nothing listens on ${host}:${server.addr.port} any more` : undefined,
    stop: async (graceMs) => {
      // To abort a server that has just shut down throws where nobody can catch it, and would hide why we stop.
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

/** Finds out early whether a port may be had. @throws {Error} as {@link listen} does. */
export function mayListen(hostname: string, port: number, variable: string): void {
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
