import { StartupProblems } from "./authoring/problems.ts";
import type { LoadedModule } from "./authoring/loaded_module.ts";
import { buildRegistry, type Registry } from "./authoring/registry.ts";

/** The project this copy of Weir belongs to: the folder above `runtime/`. */
export const PROJECT: URL = new URL("../", import.meta.url);

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
    if (problems.length === 0) return registry;
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
  const files = (await listModules(new URL(`${folder}/`, root))).map((name) => `${folder}/${name}`);
  const modules = await Promise.all(files.map(async (file) => {
    try {
      return { file, exports: await import(new URL(file, root).href) as Record<string, unknown> };
    } catch (error) {
      problems.push(`${file}: cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
    }
  }));
  return modules.filter((module) => module !== undefined);
}

/** Whether a file of that name in `functions/` or `schemas/` is loaded: no tests, and nothing that begins with `_` or `.`. */
export function isModule(name: string): boolean {
  return /^[^_.].*\.ts$/.test(name) && !/([_.]test|\.d)\.ts$/.test(name);
}

/** The modules of a folder, by name. */
async function listModules(folder: URL): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && isModule(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
