import { styleText } from "node:util";
import type { Revisions } from "./revisions.ts";
import { showDiagnostics } from "./report.ts";
import { type Diagnostic, TypeCheck } from "./type_check.ts";

const STAYS = "the last version that worked goes on running";

/**
 * Checks the types of what went live, and takes it back if they are wrong. A save so never waits for the check, which
 * takes a second.
 */
export class TypeRollback {
  readonly #check: TypeCheck;
  /** The files that went live since a version was last found right. Undefined: none did, what runs is right. */
  #unchecked: Set<string> | undefined;
  /** Whether the next check without errors is news. */
  #tellRight = true;

  constructor(readonly root: URL, folders: readonly string[], readonly say: (line: string) => void) {
    this.#check = new TypeCheck(root, folders);
  }

  /** Ends a check in progress: the files have changed again. */
  cancel(): void {
    this.#check.cancel();
  }

  async stop(): Promise<void> {
    await this.#check.stop();
  }

  /** Notes that a version with these changed files is live. */
  live(files: Iterable<string>): void {
    this.#unchecked = new Set([...this.#unchecked ?? [], ...files]);
  }

  /** Checks the files as they are on disk. Returns those that were taken back, if that had to be. */
  async check(generations: Revisions): Promise<readonly string[]> {
    let found: readonly Diagnostic[] = [];
    try {
      const result = await this.#check.check();
      if (!result) return [];
      found = result;
      if (found.length === 0 && this.#tellRight) this.say("types are checked: no errors");
      this.#tellRight = found.length > 0;
    } catch (error) {
      this.say(styleText("yellow", `types were not checked this time: ${(error as Error).message}`));
    }
    if (found.length > 0) return await this.#takeBack(found, generations);
    this.#unchecked = undefined;
    generations.accept();
    return [];
  }

  /** The error is shown once the version before runs again: what is said then holds. */
  async #takeBack(found: readonly Diagnostic[], generations: Revisions): Promise<readonly string[]> {
    const unchecked = this.#unchecked;
    const [next, shown] = await Promise.all([generations.goBack(), showDiagnostics(this.root, found)]);
    for (const one of shown) this.say(`${styleText("red", "type error")} ${one}`);
    if (next?.kind === "live" && unchecked) {
      this.#unchecked = undefined;
      this.say(`${[...unchecked].join(", ")}: taken back, ${STAYS}`);
      return [...unchecked];
    }
    if (next?.kind === "refused") {
      for (const problem of next.problems) this.say(`${styleText("red", "error")} cannot go back: ${problem}`);
    }
    this.say(unchecked ? "it runs all the same, until the next change" : STAYS);
    return [];
  }
}
