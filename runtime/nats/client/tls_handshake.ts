import { systemClock } from "../../engine/system_clock.ts";
import { urlsOf } from "./nats_options.ts";
import { withTimeout } from "./with_timeout.ts";

/** Wait for the first bytes of a server, in milliseconds. A server sends them at once, unless it begins with TLS. */
const SILENT_MS = 1_000;
/** Port of a server whose URL names none. */
export const DEFAULT_PORT = 4222;

/**
 * The servers that begin with a TLS handshake (`handshake_first`). Such a server says nothing to a client that waits
 * for its `INFO`, and every other server takes a handshake as an error.
 */
export class TlsHandshakes {
  readonly #first = new Map<string, boolean>();

  /** Returns whether to begin with a handshake. A server that was not probed is like the others of its cluster. */
  first(server: string): boolean {
    return this.#first.get(server) ?? [...this.#first.values()].includes(true);
  }

  /**
   * Connects once to each server, and notes whether the server is silent. For a server that cannot be reached, the
   * earlier note stays.
   *
   * @param silentMs Milliseconds to wait for the first bytes of a server.
   * @returns whether it noted anything new
   */
  async probe(servers: readonly string[], silentMs: number = SILENT_MS): Promise<boolean> {
    const changes = await Promise.all(
      urlsOf(servers).map(async ({ hostname, port }) => {
        const host = hostname.replace(/^\[|\]$/g, ""), number = Number(port) || DEFAULT_PORT;
        const silent = await isSilent(host, number, silentMs), name = `${hostname}:${number}`;
        if (silent === undefined || silent === (this.#first.get(name) ?? false)) return false;
        this.#first.set(name, silent);
        return true;
      }),
    );
    return changes.includes(true);
  }
}

/** Returns undefined if the server takes no connection. */
async function isSilent(hostname: string, port: number, silentMs: number): Promise<boolean | undefined> {
  const connecting = Deno.connect({ hostname, port });
  let connected = false;
  try {
    const first = connecting.then((connection) => {
      connected = true;
      return connection.read(new Uint8Array(1));
    });
    return await withTimeout(systemClock, silentMs, first) === null ? undefined : false;
  } catch {
    return connected ? true : undefined;
  } finally {
    connecting.then((connection) => connection.close(), () => {});
  }
}
