import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";
import { spawnChild } from "../nats_server/child_process.ts";
import { listFiles } from "../project/list_files.ts";
import type { Revisions } from "./revisions.ts";

/** Milliseconds before a check starts, so that saves in quick succession cause one check. */
const SETTLE_MS = 200;
/** Upper bound for a check in milliseconds: enough on a busy machine, with packages to download. */
const TIMEOUT_MS = 60_000;
/** The line of an error, or of its hint, with the position. Other paragraphs only say that there are errors. */
const POSITION = /^ +at \S+:\d+:\d+$/m;

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
   * Checks the files after a short delay. Returns the errors in the words of `deno check`, with paths relative to the
   * project; an empty text if there are none. Undefined when a later check or {@linkcode cancel} ended this one.
   *
   * @throws {Error} when `deno check` fails without naming a position in a file.
   */
  check(): Promise<string | undefined> {
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

  async #check(signal: AbortSignal): Promise<string | undefined> {
    await delay(SETTLE_MS, undefined, { signal }).catch(() => {}); // an abort ends the wait
    const files = (await Promise.all(this.folders.map((folder) => listFiles(this.root, folder)))).flat()
      .filter((file) => /\.[cm]?tsx?$/.test(file));
    if (signal.aborted) return undefined;
    if (files.length === 0) return "";
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
    if (code === 0) return "";
    const errors = lines.join("\n").split("\n\n").filter((text) => POSITION.test(text)).join("\n");
    if (errors !== "") return errors.replaceAll(this.root.href, "");
    const why = lines.find((line) => line !== "") ?? `exited with code ${code}`;
    throw new Error(`deno check: ${timedOut ? `not finished within ${TIMEOUT_MS / 1_000} s` : why}`);
  }
}

/** Checks the types of a live revision and rolls back if they are wrong. A save never waits for the check. */
export class TypeRollback {
  readonly #check: TypeCheck;
  /** Files that went live since a revision last passed the check. Undefined: the current revision has passed. */
  #unchecked: Set<string> | undefined;
  /** True at the start and after errors: the next check without errors is worth a line. */
  #announcePass = true;

  constructor(root: URL, folders: readonly string[], readonly print: (line: string) => void) {
    this.#check = new TypeCheck(root, folders);
  }

  /** Ends a check in progress, because the files have changed again. */
  cancel(): void {
    this.#check.cancel();
  }

  async stop(): Promise<void> {
    await this.#check.stop();
  }

  /** Records that a revision with these changed files is live. */
  wentLive(files: Iterable<string>): void {
    this.#unchecked = new Set([...this.#unchecked ?? [], ...files]);
  }

  /** Checks the files as they are on disk. Returns the files that were rolled back. */
  async check(revisions: Revisions): Promise<readonly string[]> {
    let errors = "";
    try {
      const found = await this.#check.check();
      if (found === undefined) return [];
      errors = found;
      if (errors === "" && this.#announcePass) this.print("type check: no errors");
      this.#announcePass = errors !== "";
    } catch (error) {
      this.print(styleText("yellow", `could not check types: ${(error as Error).message}`));
    }
    if (errors !== "") return await this.#rollBack(errors, revisions);
    this.#unchecked = undefined;
    revisions.accept();
    return [];
  }

  /** Prints the errors after the rollback, so that the last line is true when it appears. */
  async #rollBack(errors: string, revisions: Revisions): Promise<readonly string[]> {
    const unchecked = this.#unchecked, result = await revisions.rollBack();
    this.print(`${styleText("red", "type error")} ${errors}`);
    if (result?.kind === "live" && unchecked) {
      this.#unchecked = undefined;
      this.print(`${[...unchecked].join(", ")}: rolled back, ${KEEPS_RUNNING}`);
      return [...unchecked];
    }
    if (result?.kind === "failed") {
      for (const problem of result.problems) this.print(`${styleText("red", "error")} cannot roll back: ${problem}`);
    }
    this.print(unchecked ? "it keeps running with these errors until the next change" : KEEPS_RUNNING);
    return [];
  }
}

const KEEPS_RUNNING = "the last working version keeps running";
