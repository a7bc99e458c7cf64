import { definesConfig } from "../api/define_config.ts";
import { definesResources } from "../api/define_resource.ts";
import { ImportedFiles } from "./imported_files.ts";
import { entriesOf } from "./list_files.ts";
import { loadModules } from "./load_modules.ts";
import type { LoadedModule } from "./loaded_module.ts";

/** A module that declares resources or variables, and the files of the functions that it belongs to. */
export interface DefiningModule extends LoadedModule {
  readonly functions: readonly string[];
}

/** A call that declares a resource or variables. */
const DEFINES = /\bdefine(Resource|Config)\s*[<(]/;

/**
 * Returns the files `functions/_NAME.ts` that declare resources or variables. They are loaded though nothing imports
 * them.
 */
export async function listDefiningFiles(root: URL): Promise<string[]> {
  const names = (await entriesOf(new URL("functions/", root))).filter(({ name, isFile }) =>
    isFile && /^_.*\.ts$/.test(name) && !/([_.]test|\.d)\.ts$/.test(name)
  ).map(({ name }) => `functions/${name}`).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(new URL(name, root)).catch(() => "")));
  return names.filter((_, at) => DEFINES.test(texts[at]));
}

/**
 * Loads the modules that declare resources or variables, besides the functions themselves. A module belongs to the
 * functions whose files import it, directly or not. A file `functions/_NAME.ts` that no function imports belongs to all
 * functions. Adds each file that cannot be loaded to `problems`.
 *
 * @param functions Files of the functions, which are loaded already.
 */
export async function loadDefinitions(
  root: URL,
  functions: readonly string[],
  problems: string[],
): Promise<DefiningModule[]> {
  const files = new Set(await listDefiningFiles(root));
  if (files.size === 0 && !definesResources() && !definesConfig()) return []; // the usual case: no text is read
  const imported = new ImportedFiles(), importers = new Map<string, string[]>();
  await Promise.all(functions.map(async (file) => {
    for (const used of await usedBy(root, file, imported)) importers.getOrInsert(used, []).push(file);
  }));
  const modules = await loadModules(root, [...new Set([...files, ...importers.keys()])].sort(), problems);
  return modules.map((module) => ({ ...module, functions: importers.get(module.file)?.sort() ?? functions }));
}

/**
 * Loads the modules with declarations that one file uses, itself included.
 *
 * @param owner File of the function to which the declarations belong.
 */
export async function loadUsed(root: URL, file: string, owner: string, problems: string[]): Promise<DefiningModule[]> {
  if (!definesResources() && !definesConfig()) return [];
  const used = await usedBy(root, file, new ImportedFiles());
  return (await loadModules(root, [file, ...used], problems)).map((module) => ({ ...module, functions: [owner] }));
}

/** Returns the files with declarations that a file imports, directly or not. */
async function usedBy(root: URL, file: string, imported: ImportedFiles): Promise<string[]> {
  const from = new URL(file, root).href, all = [...await imported.of(from)].filter((url) => url !== from);
  const texts = await Promise.all(all.map((url) => imported.text(url)));
  return all.filter((_, at) => DEFINES.test(texts[at])).map((url) => nameIn(root, url));
}

/** Returns the path of a file relative to the project, or its URL if it lies elsewhere. */
function nameIn(root: URL, url: string): string {
  return url.startsWith(root.href) ? decodeURIComponent(url.slice(root.href.length)) : url;
}
