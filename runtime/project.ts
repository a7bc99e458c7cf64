import { StartupProblems } from "./authoring/problems.ts";
import type { LoadedModule } from "./authoring/loaded_module.ts";
import { leftOut } from "./left_out.ts";
import { loadModules } from "./load_modules.ts";
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
    if (problems.length === 0) return { ...registry, warnings: [...registry.warnings, ...await leftOut(root)] };
  } catch (error) {
    if (!(error instanceof StartupProblems)) throw error;
    problems.push(...error.problems);
  }
  throw new StartupProblems(problems);
}

async function loadFolder(root: URL, folder: string, problems: string[]): Promise<LoadedModule[]> {
  const names = await listModules(new URL(`${folder}/`, root));
  return await loadModules(root, names.map((name) => `${folder}/${name}`), problems);
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
