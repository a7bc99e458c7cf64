import { readLines } from "../../runtime/nats_server/read_lines.ts";

/** Longer than the longest drain of a slow machine takes. */
const WAIT_MS = 600_000;
const STOP_MS = 20_000;
const SHOWN = 5;
const TICK_MICROS = 10_000;

const living = new Set<Helper>();

/** Ends every helper at once, for whoever ends without waiting for them. */
export function killLiving(): void {
  for (const helper of living) helper.kill("SIGKILL");
}

/** A process that says what it does by lines on its standard output, and ends when its standard input does. */
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
    readonly options: { cwd?: string; env?: Record<string, string>; endsBySignal?: boolean } = {},
  ) {
    const { cwd, env } = options;
    this.#child = new Deno.Command(Deno.execPath(), {
      cwd,
      env,
      args: ["run", "--quiet", ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    living.add(this);
    this.#reading = readLines(this.#child.stdout, (line) => this.#said(line), new AbortController().signal)
      .then(() => this.#said(undefined));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The first line that `find` makes something of, past or to come. @throws {Error} when it ends without one. */
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
          throw new Error(`${this.name} did not say in ${WAIT_MS} ms what it should`);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  firstLine(): Promise<string> {
    return this.#find((line) => line);
  }

  /** The line of JSON that says `what`, past or to come. */
  told<Line>(what: string): Promise<Line> {
    return this.#find((line) => {
      const said = line.startsWith("{") ? JSON.parse(line) : {};
      return said.what === what || said.message === what ? said as Line : undefined;
    });
  }

  /** Closes its input, which asks it to end, or sends it SIGTERM; what it says until then can still be read. */
  async end(): Promise<void> {
    if (this.options.endsBySignal) this.kill("SIGTERM");
    await this.#child.stdin.close().catch(() => {}); // it is gone already
  }

  /** Sees it to its end, with SIGKILL after twenty seconds. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping ??= (async () => {
      await this.end();
      const timer = setTimeout(() => this.kill("SIGKILL"), STOP_MS);
      await this.#child.status;
      clearTimeout(timer);
      await this.#reading;
      living.delete(this);
    })();
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  #said(line: string | undefined): void {
    if (line === undefined) this.#ended = true;
    else this.#lines.push(line);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** The path of a program beside this file. */
export function beside(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

/** What a process has used of processors until now, to ten milliseconds; undefined where there is no `/proc`. */
export async function cpuMicrosOf(pid: number): Promise<number | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  // The second field is the program's name in brackets, which may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

/** What a process holds in memory now; undefined where there is no `/proc`. */
export async function residentBytesOf(pid: number): Promise<number | undefined> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const kib = status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1_024;
}
