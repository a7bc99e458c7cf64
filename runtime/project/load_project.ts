import { pathToFileURL } from "node:url";
import { StartupProblems } from "./startup_problems.ts";
import type { LoadedModule } from "./loaded_module.ts";
import { unloadedFiles } from "./unloaded_files.ts";
import { loadModules } from "./load_modules.ts";
import { buildRegistry, type Registry } from "./registry.ts";

/**
 * The project that commands work on: the folder of the nearest `deno.json`, from the current directory upwards, as Deno
 * finds it; the current directory where there is none.
 */
export const PROJECT: URL = projectAt(Deno.cwd());

/** The project that a directory is in. */
export function projectAt(directory: string): URL {
  const start = pathToFileURL(`${directory}/`);
  for (let folder = start;; folder = new URL("../", folder)) {
    if (isFile(new URL("deno.json", folder))) return folder;
    if (folder.pathname === new URL("../", folder).pathname) return start;
  }
}

/** A file that may not be read is as good as none. */
function isFile(file: URL): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

/**
 * Imports a project's `schemas/` and `functions/` and makes its registry.
 *
 * @throws {StartupProblems} naming every file that cannot be loaded and every mistake in those that can.
 */
export async function loadProject(root: URL = PROJECT): Promise<Registry> {
  const schemas = await loadSchemas(root); // without one of them, every function that needs it would fail as well
  const problems: string[] = [];
  const functions = await loadFolder(root, "functions", problems);
  try {
    const registry = buildRegistry(schemas, functions);
    if (problems.length === 0) return { ...registry, warnings: [...registry.warnings, ...await unloadedFiles(root)] };
  } catch (error) {
    if (!(error instanceof StartupProblems)) throw error;
    problems.push(...error.problems);
  }
  throw new StartupProblems(problems);
}

/**
 * Imports a project's `schemas/` alone.
 *
 * @throws {StartupProblems} naming every file that cannot be loaded.
 */
export async function loadSchemas(root: URL = PROJECT): Promise<LoadedModule[]> {
  const problems: string[] = [];
  const schemas = await loadFolder(root, "schemas", problems);
  if (problems.length > 0) throw new StartupProblems(problems);
  return schemas;
}

async function loadFolder(root: URL, folder: string, problems: string[]): Promise<LoadedModule[]> {
  const names = await listModules(new URL(`${folder}/`, root));
  return await loadModules(root, names.map((name) => `${folder}/${name}`), problems);
}

/** Every source file below a folder, relative to the project: what a change of may matter. */
export async function listSources(root: URL, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, isDirectory } of await entriesOf(new URL(`${folder}/`, root))) {
    if (isDirectory) files.push(...await listSources(root, `${folder}/${name}`));
    else if (/\.[cm]?tsx?$/.test(name)) files.push(`${folder}/${name}`);
  }
  return files.sort();
}

/** Whether a file of that name in `functions/` or `schemas/` is loaded: no tests, and nothing that begins with `_` or `.`. */
export function isModule(name: string): boolean {
  return /^[^_.].*\.ts$/.test(name) && !/([_.]test|\.d)\.ts$/.test(name);
}

/** The modules of a folder, by name. */
export async function listModules(folder: URL): Promise<string[]> {
  return (await entriesOf(folder)).filter(({ name, isDirectory }) => !isDirectory && isModule(name))
    .map(({ name }) => name).sort();
}

/** What is in a folder; one that is not there is empty. */
async function entriesOf(folder: URL): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
