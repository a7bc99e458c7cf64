import { run } from "../nats_server/run.ts";

/** Number of ports to try. */
const TRIES = 20;

/** Returns the first free port from `from` on, or undefined when none of the next ports is free. */
export function firstFreePort(hostname: string, from: number): number | undefined {
  for (let port = from; port < from + TRIES && port <= 65_535; port++) {
    try {
      Deno.listen({ hostname, port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return undefined;
}

/**
 * Returns the process that listens on a port, such as `node (pid 4711)`. Undefined when there is none, the system does
 * not reveal it, as for a process of another user, or has no `lsof`.
 */
export async function listeningProcess(port: number): Promise<string | undefined> {
  const output = await run("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]).catch(() => "");
  const pid = /^p(\d+)$/m.exec(output)?.[1], name = /^c(.+)$/m.exec(output)?.[1];
  return pid && `${name} (pid ${pid})`;
}
