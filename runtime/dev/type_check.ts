import { posix } from "node:path";
import { type Diagnostic, LanguageServer } from "./language_server.ts";

/** Longer than the first check of a large project takes; after it, types are not what a change waits for. */
const PATIENCE_MS = 10_000;

/**
 * Checks the types of the project's files: after a change those that changed, and those that import them. It begins
 * with all of them, in the background.
 */
export class TypeCheck {
  readonly #texts = new Map<string, string>();
  /** What had a mistake when it was last looked at: it is looked at again, whatever else changes. */
  #wrong: readonly string[] = [];
  #server: Promise<LanguageServer | undefined> | undefined;

  /** @param unavailable is told once why types are not checked, if they cannot be */
  constructor(readonly root: URL, readonly unavailable: (why: string) => void) {}

  /** Checks all of these files, and keeps what it learned. */
  async begin(files: readonly string[]): Promise<Diagnostic[]> {
    this.#server = LanguageServer.start(this.root).catch((error) => {
      this.unavailable((error as Error).message);
      return undefined;
    });
    return await this.changed(files);
  }

  /** What is wrong with the files that changed, or because they did. Before `begin` nothing is. */
  async changed(files: readonly string[]): Promise<Diagnostic[]> {
    const server = await this.#server;
    if (!server) return [];
    for (const file of files.filter((file) => /\.[cm]?tsx?$/.test(file))) {
      const text = await Deno.readTextFile(new URL(file, this.root)).catch(() => undefined);
      if (text === undefined) this.#texts.delete(file);
      else this.#texts.set(file, text);
      server.show(file, text);
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) =>
      timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS)
    );
    try {
      const affected = importersOf([...files, ...this.#wrong], this.#texts);
      const checks = Promise.all([...affected].sort().map((file) => server.check(file)));
      const found = (await Promise.race([checks, late])).flat();
      this.#wrong = [...new Set(found.map(({ file }) => file))];
      return found;
    } catch (error) {
      this.#server = undefined;
      void server.stop();
      this.unavailable((error as Error).message);
      return [];
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    await (await this.#server)?.stop();
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
