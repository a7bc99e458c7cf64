import { readGreeting } from "../nats_server/probe.ts";
import type { ServerProbe } from "./facts.ts";

/** Milliseconds to wait for a server's `INFO`, which it sends as soon as a client connects. */
const TIMEOUT_MS = 1_000;
/** Milliseconds after which a silent server gets a ping, so that one that is not NATS answers in its own protocol. */
const PING_AFTER_MS = 300;
const PORT = 4222;

/** Reads a server's `INFO`, which needs no credentials. A server that starts with TLS sends none. */
export async function probeServer(address: string, configured: boolean): Promise<ServerProbe> {
  const late = Promise.withResolvers<never>();
  let connection: Deno.TcpConn | undefined, timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    connection?.close();
    late.reject(new Error(`no INFO within ${TIMEOUT_MS} ms`));
  }, TIMEOUT_MS);
  try {
    const { hostname, port } = new URL(`nats://${address}`);
    const connecting = Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || PORT });
    connecting.then((connection) => timedOut && connection.close(), () => {});
    connection = await Promise.race([connecting, late.promise]);
    return { address, configured, info: await Promise.race([readInfo(connection), late.promise]) };
  } catch (error) {
    return { address, configured, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    if (!timedOut) connection?.close();
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
