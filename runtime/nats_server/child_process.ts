/** Destination of an output: this process's own output, nowhere, or a function that receives each line. */
type Output = "inherit" | "null" | ((line: string) => void);

/** A command and its surroundings. */
interface ChildOptions {
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
  /** @default "null" */
  stdout?: Output;
  /** @default "null" */
  stderr?: Output;
}

/** A process that ends when its parent, this process, ends. */
export interface ChildProcess extends AsyncDisposable {
  /** Id of the command itself, not of the shell that started it. */
  readonly pid: number;
  /**
   * Resolves once the process has exited and all its output was delivered. The code is 127 if there is no such command,
   * and 128 + the signal's number after a signal.
   */
  readonly status: Promise<{ readonly code: number; readonly signal: Deno.Signal | null }>;
  /**
   * Sends a signal, then SIGKILL if the process still runs after the grace, and waits for its exit.
   *
   * @param signal Signal to send first. Default: SIGTERM.
   * @param graceMs Milliseconds between that signal and SIGKILL. Default: 5000.
   */
  stop(signal?: Deno.Signal, graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 5_000;
/** Milliseconds to wait for the end of the output after the exit: a grandchild may hold the pipe open for ever. */
const OUTPUT_GRACE_MS = 1_000;

/**
 * Shell script that starts a watchdog and then replaces itself with the command, so that the command keeps the shell's
 * process id. The watchdog reads a pipe from the parent. A line means that the command has exited. The end of the pipe
 * means that the parent has died: the watchdog sends SIGTERM to the command, and SIGKILL after five seconds.
 *
 * - A subshell that exits at once starts the watchdog, so that the command has no unexpected child.
 * - Descriptor 9 carries the pipe, because a shell connects the standard input of a background job to /dev/null.
 *   Descriptor 3 may be a channel of the command, which the watchdog must not hold open.
 * - SIGKILL to the watchdog itself removes the protection; `stop()` still works.
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
 * Starts a command that ends when this process ends, even by SIGKILL. See {@linkcode WATCHDOG}.
 *
 * The command runs in its own session, so that a terminal's Ctrl-C reaches only this process, which then decides when
 * to stop the command. Its standard input is empty. On Windows, which has no `sh`, it is a plain child process that
 * survives if this process is killed.
 */
export function spawnChild(options: ChildOptions): ChildProcess {
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
    if (failed) throw failed.reason; // an output callback threw
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

/** Ends the watchdog after the command exited. Otherwise it would signal a process id that may have been reused. */
async function dismissWatchdog(pipe: WritableStream<Uint8Array>): Promise<void> {
  const writer = pipe.getWriter();
  try {
    await writer.write(new TextEncoder().encode("ended\n"));
    await writer.close();
  } catch {
    // The watchdog has exited already. A failed write has closed the pipe.
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

/**
 * Calls `onLine` with each line of a stream, without its line end. A last line needs no line end. Resolves when the
 * stream ends.
 *
 * @param signal Stops reading early: a grandchild that inherited the pipe may hold it open after the child has exited.
 */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const toText = new TextDecoderStream() as TransformStream<Uint8Array, string>;
  let rest = "";
  try {
    for await (const text of stream.pipeThrough(toText, { signal })) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line.replace(/\r$/, ""));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (rest !== "") onLine(rest);
}
