import { readLines } from "./lines.ts";

/** What to do with an output of the process: show it as ours, drop it, or hand it on a line at a time. */
type Output = "inherit" | "null" | ((line: string) => void);

/** What to run. Both outputs are "null" unless given. */
interface OwnedOptions {
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
  stdout?: Output;
  stderr?: Output;
}

/** How a process ended: `signal` is set if a signal ended it, and `code` is then 128 + its number. */
interface OwnedStatus {
  code: number;
  signal: Deno.Signal | null;
}

/** A process that ends when we do. */
export interface OwnedProcess extends AsyncDisposable {
  /** The process itself, not a wrapper. */
  readonly pid: number;
  /** Resolves when the process has ended and its output is delivered. A command not found ends with code 127. */
  readonly status: Promise<OwnedStatus>;
  /** Sends `signal` (SIGTERM), SIGKILL if that has not helped after `graceMs` (5000), and waits until it is gone. */
  stop(signal?: Deno.Signal, graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 5_000;
const OUTPUT_GRACE_MS = 1_000;

/**
 * A shell starts the watchdog and then becomes the command, which so has the process id, exit code and signals that
 * we see. The watchdog reads our pipe: a line means that the command has ended by itself, the end of the pipe that
 * we have died, however that happened. It then asks the command to end, unless that is gone, and after five seconds
 * makes it.
 *
 * - It is started from a subshell that ends at once, so that the command does not find itself with a child.
 * - Descriptor 9 is there because a shell gives what it starts with "&" an empty standard input; 3 may be a channel
 *   of the command's own, which the watchdog must not hold open.
 * - The price: who kills this watchdog with SIGKILL takes the protection away, though stop() works as before.
 */
export const WATCHDOG = `
exec 9<&0 </dev/null
( (
  trap '' HUP INT QUIT TERM
  read -r ended && exit
  kill -TERM $$ || exit
  for second in 1 2 3 4 5; do
    sleep 1
    kill -0 $$ || exit
  done
  kill -KILL $$
) <&9 9<&- 3<&- >/dev/null 2>&1 & )
exec "$@" 9<&-
`;

/**
 * Starts a command that can't outlive us, even if we are killed with SIGKILL.
 *
 * It gets a session of its own, so a terminal's Ctrl-C reaches us and not it: when it ends is ours to decide. Its
 * standard input is empty. Windows has no `sh`: there it is a plain child that outlives us if we are killed.
 */
export function spawnOwned(options: OwnedOptions): OwnedProcess {
  const { command, args, cwd, env, stdout = "null", stderr = "null" } = options;
  const guarded = Deno.build.os !== "windows";
  const child = new Deno.Command(guarded ? "sh" : command, {
    args: guarded ? ["-c", WATCHDOG, "sh", command, ...args] : args,
    cwd,
    env,
    detached: guarded,
    stdin: guarded ? "piped" : "null",
    stdout: typeof stdout === "function" ? "piped" : stdout,
    stderr: typeof stderr === "function" ? "piped" : stderr,
  }).spawn();

  const reading = new AbortController();
  const outputs = Promise.allSettled([
    typeof stdout === "function" ? readLines(child.stdout, stdout, reading.signal) : undefined,
    typeof stderr === "function" ? readLines(child.stderr, stderr, reading.signal) : undefined,
  ]);

  const status = (async () => {
    const { code, signal } = await child.status;
    if (guarded) await dismissWatchdog(child.stdin);
    const timer = setTimeout(() => reading.abort(), OUTPUT_GRACE_MS);
    const failed = (await outputs).find((output) => output.status === "rejected");
    clearTimeout(timer);
    if (failed) throw failed.reason; // a callback threw: its author should see it
    return { code, signal };
  })();

  const stop = async (signal: Deno.Signal = "SIGTERM", graceMs = DEFAULT_GRACE_MS) => {
    send(child, signal);
    const timer = setTimeout(() => send(child, "SIGKILL"), graceMs);
    await status;
    clearTimeout(timer);
  };

  return { pid: child.pid, status, stop, [Symbol.asyncDispose]: () => stop() };
}

/** Without the line it would send SIGTERM to a process id that may be another's by now. */
async function dismissWatchdog(pipe: WritableStream<Uint8Array>): Promise<void> {
  const writer = pipe.getWriter();
  try {
    await writer.write(new TextEncoder().encode("ended\n"));
    await writer.close();
  } catch {
    // The watchdog is gone already. A failed write has closed the pipe.
  }
}

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    const ended = error instanceof TypeError || error instanceof Deno.errors.NotFound;
    if (!ended) throw error;
  }
}
