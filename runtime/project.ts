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
  const problems: string[] = [];
  const schemas = await loadFolder(root, "schemas", problems);
  if (problems.length > 0) throw new StartupProblems(problems); // every function that needs them would fail as well
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

/** The modules of a folder, by name. Tests, and files whose name starts with `_` or `.`, are not among them. */
export async function listModules(folder: URL): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && /^[^_.].*\.ts$/.test(name) && !/([_.]test|\.d)\.ts$/.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
