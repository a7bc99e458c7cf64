import { pathToFileURL } from "node:url";
import { StartupProblems } from "./startup_problems.ts";
import { projectIdentity } from "./deno_json.ts";
import { loadDefinitions } from "./load_definitions.ts";
import type { LoadedModule } from "./loaded_module.ts";
import { listFiles, listModules } from "./list_files.ts";
import { loadModules } from "./load_modules.ts";
import { buildRegistry, type Registry } from "./registry.ts";

/** Project that commands work on: {@linkcode projectAt} the current directory. */
export const PROJECT: URL = projectAt(Deno.cwd());

/**
 * Returns the project that a directory is in: the folder of the nearest `deno.json` or `deno.jsonc` upwards, as Deno
 * finds it. Without one it is the directory itself.
 */
export function projectAt(directory: string): URL {
  const start = pathToFileURL(`${directory}/`);
  for (let folder = start;; folder = new URL("../", folder)) {
    if (isFile(new URL("deno.json", folder)) || isFile(new URL("deno.jsonc", folder))) return folder;
    if (folder.pathname === new URL("../", folder).pathname) return start;
  }
}

/** Returns false for a file that may not be read, too. */
function isFile(file: URL): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

/**
 * Imports a project's `schemas/` and `functions/`, and builds its registry.
 *
 * @throws {StartupProblems} naming every file that cannot be loaded, and every mistake in the other files
 */
export async function loadProject(root: URL = PROJECT): Promise<Registry> {
  // Faulty schemas throw before the functions are loaded: each function that imports such a file would fail as well.
  const schemas = await loadSchemas(root);
  const problems: string[] = [];
  const functions = await loadFolder(root, "functions", problems);
  const definitions = await loadDefinitions(root, functions.map(({ file }) => file), problems);
  try {
    const registry = buildRegistry(schemas, functions, definitions);
    if (problems.length === 0) {
      const [identity, unloaded] = await Promise.all([projectIdentity(root), unloadedFiles(root)]);
      return { ...registry, ...identity, warnings: [...registry.warnings, ...unloaded] };
    }
  } catch (error) {
    if (!(error instanceof StartupProblems)) throw error;
    problems.push(...error.problems);
  }
  throw new StartupProblems(problems);
}

/**
 * Imports only `schemas/`, and returns a registry without functions. Thus a command that publishes an event works
 * without the variables that functions need to load.
 *
 * @throws {StartupProblems} naming every file that cannot be loaded, and every mistake in the others
 */
export async function loadEvents(root: URL = PROJECT): Promise<Registry> {
  return buildRegistry(await loadSchemas(root), []);
}

/**
 * Imports a project's `schemas/` alone.
 *
 * @throws {StartupProblems} naming every file that cannot be loaded
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

/** Calls that show that a file was meant to be loaded. */
const MEANT: Record<string, { pattern: RegExp; what: string }> = {
  functions: { pattern: /\bexport default (await )?defineFunction\(/, what: "a function" },
  schemas: { pattern: /\bexport const \w+ = define(Event|Stream)\(/, what: "a schema" },
};

/**
 * Describes the files that declare a function, an event or a stream and are not loaded, one on each line. Other files
 * in subfolders, or in JavaScript, are helpers.
 */
async function unloadedFiles(root: URL): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(MEANT).map(async ([folder, { pattern, what }]) => {
      const lines: string[] = [];
      for (const file of await listFiles(root, folder)) {
        const [, ...rest] = file.split("/"), name = rest.at(-1)!;
        if (rest.some((part) => /^[_.]/.test(part)) || !/\.(ts|tsx|mts|cts|js|jsx|mjs|cjs)$/.test(name)) continue;
        const below = rest.length > 1, why = below ? `directly in ${folder}/` : "ending in .ts";
        if ((!below && name.endsWith(".ts")) || /[_.]test\.\w+$/.test(name)) continue;
        if (!pattern.test(await Deno.readTextFile(new URL(file, root)))) continue;
        lines.push(
          `${file} is not ${what}: only files ${why} are. Move it, or begin its name with _ if it is a helper`,
        );
      }
      return lines;
    }),
  );
  return found.flat();
}
