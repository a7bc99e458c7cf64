import { fileURLToPath } from "node:url";
import { spawnChild } from "../nats_server/child_process.ts";
import { listSources } from "../project/load_project.ts";

/** Delay before a check: saves that follow each other within it are checked once. */
const SETTLE_MS = 200;
/** Upper bound for a check: far longer than one on a busy machine, packages to download included. */
const LIMIT_MS = 60_000;

/** A mistake in a file, as an editor would underline it. Lines and columns are from 1. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * Runs `deno check` over the sources of some folders, with the project's own `deno.json`. One process runs at a time:
 * a later check ends the one before.
 */
export class TypeCheck {
  #abort = new AbortController();
  /** Resolves when the process of the check before is gone. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly root: URL, readonly folders: readonly string[]) {}

  /**
   * Checks the files as they are once saves have settled. Undefined: a later check or {@linkcode cancel} ended it.
   *
   * @throws {Error} when the check cannot be made.
   */
  check(): Promise<readonly Diagnostic[] | undefined> {
    this.cancel();
    const { signal } = this.#abort = new AbortController();
    const next = this.#last.then(() => this.#check(signal));
    this.#last = next.catch(() => {});
    return next;
  }

  /** Ends a check in progress: the files have changed again. */
  cancel(): void {
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    this.cancel();
    await this.#last;
  }

  async #check(signal: AbortSignal): Promise<Diagnostic[] | undefined> {
    await settled(signal);
    const files = (await Promise.all(this.folders.map((folder) => listSources(this.root, folder)))).flat();
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
    const kill = () => void process.stop("SIGKILL"); // it has nothing to save
    signal.addEventListener("abort", kill);
    let late = false;
    const timer = setTimeout(() => (late = true, kill()), LIMIT_MS);
    const { code } = await process.status;
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    if (signal.aborted) return undefined;
    const found = code === 0 ? [] : parseDiagnostics(this.root, lines);
    if (code === 0 || found.length > 0) return found;
    const why = lines.find((line) => line !== "") ?? `it ended with ${code}`;
    throw new Error(`deno check: ${late ? `no end within ${LIMIT_MS / 1_000} s` : why}`);
  }
}

async function settled(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>(), timer = setTimeout(resolve, SETTLE_MS);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

const HEAD = /^(?:TS\d+ \[ERROR\]|error): (.*)/, PLACE = /^ {4}at (\S+):(\d+):(\d+)$/;
/** What shows the source: a line and the marks under it, or lines with their numbers. */
const MARKS = /^\s*(\^|~+)$/, NUMBERED = /^\s*\d* \|/;

/** The errors in the output of `deno check`, without those that name no place. */
export function parseDiagnostics(root: URL, lines: readonly string[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  let message: string[] | undefined;
  for (const text of lines) {
    const head = HEAD.exec(text), place = PLACE.exec(text);
    if (head) message = [head[1]];
    else if (place && message) {
      const [, url, line, column] = place;
      const file = url.startsWith(root.href) ? decodeURIComponent(url.slice(root.href.length)) : url;
      found.push({ file, line: Number(line), column: Number(column), message: message.join("\n") });
      message = undefined; // what follows are hints, with places of their own
    } else if (MARKS.test(text)) message?.pop();
    else if (!NUMBERED.test(text)) message?.push(text);
  }
  return found;
}
