import { styleText } from "node:util";
import type { Revisions } from "./revisions.ts";
import { type Diagnostic, TypeCheck } from "./type_check.ts";

/** Checks the types of a live revision and rolls back if they are wrong. A save never waits for the check. */
export class TypeRollback {
  readonly #check: TypeCheck;
  /** Files that went live since a revision last passed the check. Undefined: the current revision has passed. */
  #unchecked: Set<string> | undefined;
  /** True at the start and after errors: the next check without errors is worth a line. */
  #announcePass = true;

  constructor(readonly root: URL, folders: readonly string[], readonly print: (line: string) => void) {
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

  /** Checks the files as they are on disk. Returns those that were rolled back. */
  async check(revisions: Revisions): Promise<readonly string[]> {
    let errors: readonly Diagnostic[] = [];
    try {
      const found = await this.#check.check();
      if (!found) return [];
      errors = found;
      if (errors.length === 0 && this.#announcePass) this.print("type check: no errors");
      this.#announcePass = errors.length > 0;
    } catch (error) {
      this.print(styleText("yellow", `could not check types: ${(error as Error).message}`));
    }
    if (errors.length > 0) return await this.#rollBack(errors, revisions);
    this.#unchecked = undefined;
    revisions.accept();
    return [];
  }

  /** Prints the errors after the rollback, so that the last line is true when it appears. */
  async #rollBack(errors: readonly Diagnostic[], revisions: Revisions): Promise<readonly string[]> {
    const unchecked = this.#unchecked;
    const [result, texts] = await Promise.all([revisions.rollBack(), formatDiagnostics(this.root, errors)]);
    for (const text of texts) this.print(`${styleText("red", "type error")} ${text}`);
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

/** Formats type errors, each with its position, its line of source and a mark below the error. */
async function formatDiagnostics(root: URL, diagnostics: readonly Diagnostic[]): Promise<string[]> {
  return await Promise.all(diagnostics.map(async (diagnostic) => {
    const { file, line, column, message } = diagnostic;
    const head = `${styleText("cyan", `${file}:${line}:${column}`)} ${message}`;
    const text = await Deno.readTextFile(new URL(file, root)).catch(() => undefined);
    const source = text?.split("\n")[line - 1];
    if (source === undefined) return head;
    const indent = source.slice(0, column - 1).replace(/\S/g, " ");
    return `${head}\n    ${source}\n    ${indent}${styleText("red", "^")}`;
  }));
}
