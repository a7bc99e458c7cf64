import { systemClock } from "../engine/system_clock.ts";
import { withTimeout } from "../nats/client/with_timeout.ts";
import { readGreeting } from "../nats_server/probe.ts";
import type { ServerProbe } from "./facts.ts";

/** Milliseconds to wait for a server's `INFO`, which it sends as soon as a client connects. */
const TIMEOUT_MS = 1_000;
/**
 * Milliseconds after which a silent server gets a ping. A server of another kind than NATS then answers in its own
 * protocol.
 */
const PING_AFTER_MS = 300;
const PORT = 4222;

/** Reads a server's `INFO`, which needs no credentials. A server that starts with TLS sends none. */
export async function probeServer(address: string, configured: boolean): Promise<ServerProbe> {
  let connecting: Promise<Deno.TcpConn> | undefined;
  try {
    const { hostname, port } = new URL(`nats://${address}`);
    connecting = Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || PORT });
    const info = await withTimeout(systemClock, TIMEOUT_MS, connecting.then(readInfo));
    return { address, configured, info };
  } catch (error) {
    return { address, configured, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    connecting?.then((connection) => connection.close(), () => {}); // also if it is connected only after the timeout
  }
}

/** Returns the servers of `NATS_URL` as `host:port`. */
export function addressesOf(urls: readonly string[]): string[] {
  return urls.map((url) => new URL(url.includes("://") ? url : `nats://${url}`))
    .map(({ host, port }) => port === "" ? `${host}:${PORT}` : host);
}

async function readInfo(connection: Deno.TcpConn): Promise<ServerProbe["info"]> {
  const ping = setTimeout(
    () => void connection.write(new TextEncoder().encode("PING\r\n\r\n")).catch(() => {}),
    PING_AFTER_MS,
  );
  try {
    const { info, said } = await readGreeting(connection);
    if (!info) throw new Error(`it does not speak NATS: it sent ${JSON.stringify(said.slice(0, 40))}`);
    return info;
  } finally {
    clearTimeout(ping);
  }
}
