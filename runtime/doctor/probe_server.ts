import { readGreeting } from "../nats_server/probe.ts";
import type { Greeting } from "./facts.ts";

const WITHIN_MS = 1_000;
const PORT = 4222;

/** What a server says to whoever connects, before it asks for anything: one that wants TLS first says nothing. */
export async function greet(address: string, configured: boolean): Promise<Greeting> {
  const late = Promise.withResolvers<never>();
  let connection: Deno.TcpConn | undefined, timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    connection?.close();
    late.reject(new Error(`no greeting within ${WITHIN_MS} ms`));
  }, WITHIN_MS);
  try {
    const { hostname, port } = new URL(`nats://${address}`);
    const dialling = Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || PORT });
    dialling.then((one) => timedOut && one.close(), () => {});
    connection = await Promise.race([dialling, late.promise]);
    return { address, configured, info: await Promise.race([readInfo(connection), late.promise]) };
  } catch (error) {
    return { address, configured, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    if (!timedOut) connection?.close();
  }
}

/** The addresses of servers, `host:port`, as they are written in `NATS_URL`. */
export function addressesOf(urls: readonly string[]): string[] {
  return urls.map((url) => new URL(url.includes("://") ? url : `nats://${url}`))
    .map(({ host, port }) => port === "" ? `${host}:${PORT}` : host);
}

/** Something that is not NATS waits to be spoken to: it is sent a ping, and answers in its own words. */
async function readInfo(connection: Deno.TcpConn): Promise<Greeting["info"]> {
  const asking = setTimeout(() => void connection.write(new TextEncoder().encode("PING\r\n\r\n")).catch(() => {}), 300);
  try {
    const { info, said } = await readGreeting(connection);
    if (!info) throw new Error(`it does not speak NATS: it said ${JSON.stringify(said.slice(0, 40))}`);
    return info;
  } finally {
    clearTimeout(asking);
  }
}
