import { eventually } from "./eventually.ts";

/** Below the ports that systems hand out for port 0: no listener of another test gets one of these by chance. */
const FIRST = 12_000, COUNT = 18_000;
/** A port is given out once in ten minutes, on the whole machine: longer than a test runs. */
const KEPT_MS = 600_000;
const TAKEN = `${Deno.env.get("TMPDIR") ?? "/tmp"}/weir-test-ports`;

/** Ports on which no process listens, and which no other test is given. */
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

/** Takes a port by making its file: of all processes one makes it. */
function take(port: number): boolean {
  const file = `${TAKEN}/${port}`;
  try {
    Deno.openSync(file, { createNew: true, write: true }).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (Date.now() - takenMs(file) > KEPT_MS) Deno.removeSync(file); // for another try to take
    return false;
  }
}

/** The time at which a port was taken. */
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

/** Whether a process listens on that port of this machine. */
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
