import { posix } from "node:path";
import { type Diagnostic, LanguageServer } from "./language_server.ts";

/** Longer than the check of a change takes on a busy machine; after it, types are not what a change waits for. */
const PATIENCE_MS = 10_000;
/** The first check reads the whole project and all it imports: nobody waits for it. */
const FIRST_PATIENCE_MS = 60_000;
const INSTEAD = "start `dev` again, or run `deno check`";

/**
 * Checks the types of the project's files: after a change those that changed, and those that import them. It begins
 * with all of them, in the background; that takes seconds, and what changes meanwhile is looked at there.
 */
export class TypeCheck {
  readonly #texts = new Map<string, string>();
  /** What had a mistake when it was last looked at: it is looked at again, whatever else changes. */
  #wrong: readonly string[] = [];
  #server: LanguageServer | undefined;
  /** What the first check has still to look at; undefined: it is done. */
  #early: Set<string> | undefined;
  /** Of a project without any file: the first that comes is what the first check is of. */
  readonly #any = Promise.withResolvers<void>();
  #lateBefore = false;
  #stopped = false;

  /** @param unavailable is told why types are not checked, if they cannot be */
  constructor(readonly root: URL, readonly unavailable: (why: string) => void) {}

  /** Checks all of these files and what changes meanwhile, and keeps what it learned; undefined: it cannot. */
  async begin(files: readonly string[]): Promise<Diagnostic[] | undefined> {
    const early = this.#early = new Set(files);
    try {
      const server = this.#server = new LanguageServer(this.root);
      await server.initialize();
      if (early.size === 0) await this.#any.promise;
      let found: Diagnostic[] | undefined = [];
      while (early.size > 0 && found) {
        const some = [...early];
        early.clear();
        found = await this.#check(some, FIRST_PATIENCE_MS);
      }
      return found;
    } catch (error) {
      this.#giveUp((error as Error).message);
    } finally {
      this.#early = undefined;
    }
  }

  /** What is wrong with the files that changed, or because they did. Before `begin` has come to its end nothing is. */
  async changed(files: readonly string[]): Promise<Diagnostic[]> {
    if (!this.#early) return await this.#check(files, PATIENCE_MS) ?? [];
    for (const file of files) this.#early.add(file);
    this.#any.resolve();
    return [];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#server?.stop();
  }

  async #check(files: readonly string[], patienceMs: number): Promise<Diagnostic[] | undefined> {
    const server = this.#server;
    if (!server) return undefined;
    for (const file of files.filter((file) => /\.[cm]?tsx?$/.test(file))) {
      const text = await Deno.readTextFile(new URL(file, this.root)).catch(() => undefined);
      if (text === undefined) this.#texts.delete(file);
      else this.#texts.set(file, text);
      server.show(file, text);
    }
    server.touched(files.filter((file) => file.endsWith(".json")));
    const timeout = Promise.withResolvers<"late">(), timer = setTimeout(() => timeout.resolve("late"), patienceMs);
    try {
      const all = files.includes("deno.json") ? this.#texts.keys() : []; // any import may be another's now
      const affected = importersOf([...files, ...this.#wrong, ...all], this.#texts);
      const checks = Promise.all([...affected].sort().map((file) => server.check(file)));
      const first = await Promise.race([checks, timeout.promise]);
      if (first === "late") return this.#late(checks, patienceMs, affected);
      const found = first.flat();
      this.#lateBefore = false;
      this.#wrong = [...new Set(found.map(({ file }) => file))];
      return found;
    } catch (error) {
      this.#giveUp((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A machine may be busy once. What was not looked at now is with the next change. */
  #late(checks: Promise<unknown>, patienceMs: number, affected: ReadonlySet<string>): undefined {
    checks.catch(() => {}); // nobody waits for them any more
    const why = `no answer within ${patienceMs / 1_000} s`;
    if (this.#lateBefore) return this.#giveUp(why);
    this.#lateBefore = true;
    this.#wrong = [...affected];
    this.unavailable(`types were not checked this time: ${why}`);
  }

  #giveUp(why: string): undefined {
    const server = this.#server;
    this.#server = undefined;
    void server?.stop();
    if (!this.#stopped) this.unavailable(`types are not checked any more: ${why}; ${INSTEAD}`);
  }
}

/** These files, and all that import one of them, directly or not. Only files whose text is known. */
export function importersOf(files: readonly string[], texts: ReadonlyMap<string, string>): Set<string> {
  const found = new Set(files);
  const imports = [...texts].map(([file, text]) => [file, importsOf(file, text)] as const);
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const [file, targets] of imports) if (targets.some((target) => found.has(target))) found.add(file);
  }
  return new Set([...found].filter((file) => texts.has(file)));
}

function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']*)["']/g)]
    .map(([, target]) => posix.join(posix.dirname(file), target));
}
