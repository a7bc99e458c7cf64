import { styleText } from "node:util";
import type { Revisions } from "./revisions.ts";
import { TypeCheck } from "./type_check.ts";

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

  /** Checks the files as they are on disk. Returns those that were rolled back. */
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
