import { eventually } from "./eventually.ts";

/** Range of ports, below those that the system assigns for port 0 to listeners of other tests. */
const FIRST = 12_000, COUNT = 18_000;
/** Milliseconds until a port may be taken again on this machine: longer than a test runs. */
const KEPT_MS = 600_000;
/** Folder with a file for each port that a test of this machine has taken. */
const TAKEN = `${Deno.env.get("TMPDIR") ?? "/tmp"}/weir-test-ports`;

/** Returns ports on which no process listens and which no other test gets. */
export function freePorts<const Names extends readonly string[]>(...names: Names): Record<Names[number], string> {
  return Object.fromEntries(names.map((name) => [name, String(freePort())])) as Record<Names[number], string>;
}

function freePort(): number {
  Deno.mkdirSync(TAKEN, { recursive: true });
  const start = Math.floor(Math.random() * COUNT);
  for (let i = 0; i < COUNT; i++) {
    const port = FIRST + (start + i) % COUNT;
    if (take(port) && isFree(port)) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT} is free`);
}

/** Takes a port by creating its file, which fails if another process has it. */
function take(port: number): boolean {
  const file = `${TAKEN}/${port}`;
  try {
    Deno.openSync(file, { createNew: true, write: true }).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (Date.now() - takenMs(file) > KEPT_MS) Deno.removeSync(file); // free for a later call
    return false;
  }
}

/** Returns the time at which a port was taken. */
function takenMs(file: string): number {
  return Deno.statSync(file).mtime!.getTime();
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Returns whether a process listens on a port of this machine. */
export async function listens(port: string | number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close();
    return true;
  } catch {
    return false;
  }
}

/** Resolves once no process listens on any of these ports. */
export async function waitUntilClosed(ports: readonly (string | number)[]): Promise<void> {
  for (const port of ports) await eventually(async () => !(await listens(port)));
}
