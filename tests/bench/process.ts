import { readLines } from "../../runtime/nats_server/child_process.ts";

/** Bounds the wait for a line: longer than any drain on a slow machine. */
const WAIT_MS = 600_000;
const STOP_MS = 20_000;
const SHOWN = 5;
const TICK_MICROS = 10_000;

const running = new Set<Helper>();

/** Kills every helper, for an exit that cannot wait. */
export function killRunning(): void {
  for (const helper of running) helper.kill("SIGKILL");
}

/** A process that reports in lines on its standard output, and ends when its standard input is closed. */
export class Helper implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #reading: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #ended = false;
  #stopping: Promise<void> | undefined;

  constructor(
    readonly name: string,
    args: readonly string[],
    readonly options: { program?: string; cwd?: string; env?: Record<string, string>; endsBySignal?: boolean } = {},
  ) {
    const { program, cwd, env } = options;
    this.#child = new Deno.Command(program ?? Deno.execPath(), {
      cwd,
      env,
      args: program ? [...args] : ["run", "--quiet", ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    running.add(this);
    this.#reading = readLines(this.#child.stdout, (line) => this.#onLine(line), new AbortController().signal)
      .then(() => this.#onLine(undefined));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Returns the first result of `find` over past and future lines. @throws {Error} when the process ends without. */
  async #find<Found>(find: (line: string) => Found | undefined): Promise<Found> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<true>((resolve) => timer = setTimeout(() => resolve(true), WAIT_MS));
    try {
      for (let at = 0;;) {
        for (; at < this.#lines.length; at++) {
          const found = find(this.#lines[at]);
          if (found !== undefined) return found;
        }
        if (this.#ended) {
          const { code } = await this.#child.status;
          throw new Error(
            `${this.name} ended (exit code ${code}) after ${this.#lines.slice(-SHOWN).join("\n") || "nothing"}`,
          );
        }
        if (await Promise.race([this.#wake.promise, late])) {
          throw new Error(`${this.name} did not print the expected line within ${WAIT_MS} ms`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  firstLine(): Promise<string> {
    return this.#find((line) => line);
  }

  /** Resolves to the line of JSON with this `what`, or log line with this `message`, past or future. */
  waitForLine<Line>(what: string): Promise<Line> {
    return this.#find((line) => {
      const parsed = line.startsWith("{") ? JSON.parse(line) : {};
      return parsed.what === what || parsed.message === what ? parsed as Line : undefined;
    });
  }

  /** Closes its standard input, or sends SIGTERM. Lines that it still prints can be read. */
  async end(): Promise<void> {
    if (this.options.endsBySignal) this.kill("SIGTERM");
    await this.#child.stdin.close().catch(() => {}); // the process has ended
  }

  /** Ends the process, with SIGKILL after twenty seconds. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      await this.end();
      const timer = setTimeout(() => this.kill("SIGKILL"), STOP_MS);
      await this.#child.status;
      clearTimeout(timer);
      await this.#reading;
      running.delete(this);
    })();
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  #onLine(line: string | undefined): void {
    if (line === undefined) this.#ended = true;
    else this.#lines.push(line);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** Returns the path of a file in the folder of the bench. */
export function benchPath(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

/** Returns the CPU time of a process, with a resolution of 10 ms; undefined without `/proc`. */
export async function cpuMicrosOf(pid: number): Promise<number | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  // The second field is the program's name in brackets, which may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

/** Returns the resident memory of a process, now or at its peak so far; undefined without `/proc`. */
export async function residentBytesOf(pid: number, when: "now" | "peak" = "now"): Promise<number | undefined> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const kib = status.match(when === "now" ? /^VmRSS:\s+(\d+) kB$/m : /^VmHWM:\s+(\d+) kB$/m)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1_024;
}
