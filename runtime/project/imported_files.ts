import { isOwnModule } from "../core/own_modules.ts";

/** Imports of types alone, which load no module. */
const TYPE_IMPORT = /\b(?:import|export)\s+type\s[^;"']*?\bfrom\s*["'][^"']*["']/g;
const IMPORT = /\b(?:from|import)\s*\(?\s*["']([^"'\n]+)["']/g;

/** Files that modules import, as their texts say. A text is read once for all. */
export class ImportedFiles {
  readonly #texts = new Map<string, Promise<string>>();

  /** Returns the text of a file, or an empty text if it cannot be read. */
  text(url: string): Promise<string> {
    return this.#texts.getOrInsertComputed(url, () => Deno.readTextFile(new URL(url)).catch(() => ""));
  }

  /**
   * Returns the URLs of a file and of all files that it imports, directly or not. Files of Weir and of packages are
   * left out.
   */
  async of(url: string): Promise<ReadonlySet<string>> {
    const found = new Set([url]);
    for (const file of found) { // visits what is added meanwhile
      for (const imported of importsIn(await this.text(file), file)) found.add(imported);
    }
    return found;
  }
}

/** Returns the URLs of the files that a module's text imports. A comment may name one too many, which does no harm. */
function importsIn(text: string, from: string): string[] {
  return [...text.replace(TYPE_IMPORT, "").matchAll(IMPORT)].flatMap(([, specifier]) => {
    const url = resolve(specifier, from);
    return url?.startsWith("file:") && !url.includes("/node_modules/") && !isOwnModule(url) ? [url] : [];
  });
}

/** Resolves a specifier, also by the import map. Returns undefined if no module matches. */
function resolve(specifier: string, from: string): string | undefined {
  try {
    return /^\.{0,2}\//.test(specifier) ? new URL(specifier, from).href : import.meta.resolve(specifier);
  } catch {
    return undefined;
  }
}
