import { run } from "../nats_server/run.ts";

/** So many ports after the one that is taken are tried. */
const TRIED = 20;

/** The first port that nobody listens on, from that one on; undefined when there is none nearby. */
export function firstFreePort(hostname: string, from: number): number | undefined {
  for (let port = from; port < from + TRIED && port <= 65_535; port++) {
    try {
      Deno.listen({ hostname, port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return undefined;
}

/** The process that listens on a port, such as `node (pid 4711)`, as far as the system tells: not of another user's. */
export async function listeningProcess(port: number): Promise<string | undefined> {
  for (const ask of [askLsof, askProc]) {
    try {
      const who = await ask(port);
      if (who) return who;
    } catch {
      // not there, or it does not say
    }
  }
  return undefined;
}

async function askLsof(port: number): Promise<string | undefined> {
  const told = await run("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]);
  const pid = /^p(\d+)$/m.exec(told)?.[1], name = /^c(.+)$/m.exec(told)?.[1];
  return pid && `${name} (pid ${pid})`;
}

/** Linux without `lsof`: the socket's inode, and then whose it is. Deno itself may not look there, `sh` may. */
const PROC = `
inode=$(awk -v end=":$1\\$" '$2 ~ end && $4 == "0A" { print $10; exit }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
[ -n "$inode" ] || exit 1
link=$(find /proc/[0-9]*/fd -lname "socket:\\[$inode\\]" 2>/dev/null | head -n 1)
pid=\${link#/proc/}; pid=\${pid%%/*}
[ -n "$pid" ] && echo "$(cat /proc/$pid/comm) (pid $pid)"
`;

async function askProc(port: number): Promise<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return (await run("sh", ["-c", PROC, "sh", hex])).trim();
}
