import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawnChild } from "../nats_server/child_process.ts";
import { listFiles } from "../project/load_modules.ts";

/** Milliseconds before a check starts, so that saves in quick succession cause one check. */
const SETTLE_MS = 200;
/** Upper bound for a check in milliseconds: enough on a busy machine, with packages to download. */
const TIMEOUT_MS = 60_000;

/** An error at a position in a file. Lines and columns count from 1. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * Runs `deno check` on the sources of some folders, with the project's own `deno.json`. One process runs at a time: a
 * later check ends the earlier one.
 */
export class TypeCheck {
  #abort = new AbortController();
  /** Resolves when the process of the last check has exited. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly root: URL, readonly folders: readonly string[]) {}

  /**
   * Checks the files after a short delay. Returns undefined when a later check or {@linkcode cancel} ended this one.
   *
   * @throws {Error} when `deno check` fails without naming an error in a file.
   */
  check(): Promise<readonly Diagnostic[] | undefined> {
    this.cancel();
    const { signal } = this.#abort = new AbortController();
    const next = this.#last.then(() => this.#check(signal));
    this.#last = next.catch(() => {});
    return next;
  }

  /** Ends a check in progress. */
  cancel(): void {
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    this.cancel();
    await this.#last;
  }

  async #check(signal: AbortSignal): Promise<Diagnostic[] | undefined> {
    await delay(SETTLE_MS, undefined, { signal }).catch(() => {}); // an abort ends the wait
    const files = (await Promise.all(this.folders.map((folder) => listFiles(this.root, folder)))).flat()
      .filter((file) => /\.[cm]?tsx?$/.test(file));
    if (signal.aborted) return undefined;
    if (files.length === 0) return [];
    const lines: string[] = [], config = fileURLToPath(new URL("deno.json", this.root));
    const process = spawnChild({
      command: Deno.execPath(),
      args: ["check", "--quiet", "--config", config, ...files],
      cwd: fileURLToPath(this.root),
      env: { NO_COLOR: "1" },
      stderr: (line) => lines.push(line),
    });
    const kill = () => void process.stop("SIGKILL");
    signal.addEventListener("abort", kill);
    let timedOut = false;
    const timer = setTimeout(() => (timedOut = true, kill()), TIMEOUT_MS);
    const { code } = await process.status;
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    if (signal.aborted) return undefined;
    const found = code === 0 ? [] : parseDiagnostics(this.root, lines);
    if (code === 0 || found.length > 0) return found;
    const why = lines.find((line) => line !== "") ?? `exited with code ${code}`;
    throw new Error(`deno check: ${timedOut ? `not finished within ${TIMEOUT_MS / 1_000} s` : why}`);
  }
}

/** First line of an error, and the line with its position. */
const HEAD = /^(?:TS\d+ \[ERROR\]|error): (.*)/, POSITION = /^ {4}at (\S+):(\d+):(\d+)$/;
/** Lines that quote the source: marks below a line, or lines with numbers. */
const MARKS = /^\s*(\^|~+)$/, NUMBERED = /^\s*\d* \|/;

/** Parses the output of `deno check`. Errors without a position are left out. */
export function parseDiagnostics(root: URL, lines: readonly string[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  let message: string[] | undefined;
  for (const text of lines) {
    const head = HEAD.exec(text), position = POSITION.exec(text);
    if (head) message = [head[1]];
    else if (position && message) {
      const [, url, line, column] = position;
      const file = url.startsWith(root.href) ? decodeURIComponent(url.slice(root.href.length)) : url;
      found.push({ file, line: Number(line), column: Number(column), message: message.join("\n") });
      message = undefined; // hints follow, with positions of their own
    } else if (MARKS.test(text)) message?.pop();
    else if (!NUMBERED.test(text)) message?.push(text);
  }
  return found;
}
