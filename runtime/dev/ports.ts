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
 * Returns the process that listens on a port, such as `node (pid 4711)`. Undefined when there is none or the system does
 * not reveal it, as for a process of another user.
 */
export async function listeningProcess(port: number): Promise<string | undefined> {
  for (const find of [findByLsof, findByProc]) {
    try {
      const found = await find(port);
      if (found) return found;
    } catch {
      // The tool is not installed, or found no process.
    }
  }
  return undefined;
}

async function findByLsof(port: number): Promise<string | undefined> {
  const output = await run("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  const pid = /^p(\d+)$/m.exec(output)?.[1], name = /^c(.+)$/m.exec(output)?.[1];
  return pid && `${name} (pid ${pid})`;
}

/** Finds the inode of the socket, then its process, on Linux without `lsof`. `sh` may read these files; Deno may not. */
const FIND_BY_PROC = `
inode=$(awk -v end=":$1\\$" '$2 ~ end && $4 == "0A" { print $10; exit }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
[ -n "$inode" ] || exit 1
link=$(find /proc/[0-9]*/fd -lname "socket:\\[$inode\\]" 2>/dev/null | head -n 1)
pid=\${link#/proc/}; pid=\${pid%%/*}
[ -n "$pid" ] && echo "$(cat /proc/$pid/comm) (pid $pid)"
`;

async function findByProc(port: number): Promise<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return (await run("sh", ["-c", FIND_BY_PROC, "sh", hex])).trim();
}
