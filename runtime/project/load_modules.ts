import { readDenoJson } from "./deno_json.ts";
import type { LoadedModule } from "./loaded_module.ts";
import { formatDuration } from "../core/duration.ts";
import { WEIR_ROOT } from "../core/own_modules.ts";
import { type ImportedFrom, loadProblem } from "./load_problem.ts";

/**
 * How long a file may take to be imported, all that it awaits at its top included. It is not left to Deno, which ends
 * a process that awaits nothing any more without a word of the file, and else waits for ever.
 */
const LOAD_TIMEOUT_MS = 10_000;

/** Imports these files, all at once; what keeps one from being loaded is added to `problems`, each reason once. */
export async function loadModules(
  root: URL,
  files: readonly string[],
  problems: string[],
  timeoutMs: number = LOAD_TIMEOUT_MS,
): Promise<LoadedModule[]> {
  const reasons = new Map<string, string[]>();
  const modules = await Promise.all(files.map(async (file) => {
    try {
      return { file, exports: await importWithin(new URL(file, root).href, timeoutMs) };
    } catch (error) {
      const reason = error === TOO_LONG ? tooLong(file, timeoutMs) : await loadProblem(error, await around(root, file));
      reasons.set(reason, [...reasons.get(reason) ?? [], file]);
    }
  }));
  for (const [reason, files] of [...reasons].sort()) {
    const through = files.filter((file) => !reason.startsWith(`${file}:`)).sort();
    problems.push(through.length === 0 ? reason : `${reason} (imported by ${through.join(", ")})`);
  }
  return modules.filter((module) => module !== undefined);
}

const TOO_LONG = Symbol("it took too long");

async function importWithin(url: string, timeoutMs: number): Promise<Record<string, unknown>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => timer = setTimeout(() => reject(TOO_LONG), timeoutMs));
  try {
    return await Promise.race([import(url), late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLong(file: string, timeoutMs: number): string {
  return `${file}: it is not loaded after ${formatDuration(timeoutMs)}: what it awaits at its top, outside of the ` +
    "handler, does not come. Await it in the handler (packages to download: run `deno install` first)";
}

async function around(root: URL, file: string): Promise<ImportedFrom> {
  const files = (await Promise.all(["functions", "schemas"].map((folder) => listFiles(root, folder)))).flat();
  const imports = await importsOf(root);
  return {
    root,
    file,
    files: files.filter((path) => path.endsWith(".ts")),
    packages: Object.keys(imports),
    exportsOf: async (module) => {
      if (files.includes(module) && !/^(schemas|functions)\/[^/]+$/.test(module)) return undefined;
      try {
        const url = files.includes(module) ? new URL(module, root).href : packageUrl(module, imports, root);
        return Object.keys(await importWithin(url, 1_000));
      } catch {
        return undefined;
      }
    },
  };
}

/** The packages that files of the project may import, by name. */
async function importsOf(root: URL): Promise<Readonly<Record<string, string>>> {
  try {
    return (await readDenoJson(root)).imports ?? {};
  } catch {
    return {}; // it is only asked for a better message
  }
}

/** What the project means by a package's name: Weir, which asks here, may have other packages or none by that name. */
function packageUrl(name: string, imports: Readonly<Record<string, string>>, root: URL): string {
  if (name === "weir") return new URL("mod.ts", WEIR_ROOT).href;
  const target = imports[name];
  if (target === undefined) return name;
  return target.startsWith(".") ? new URL(target, root).href : target;
}

/** The paths of all files in a folder of the project, those of its folders included. */
export async function listFiles(root: URL, folder: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
      const path = `${folder}/${name}`;
      if (!isDirectory) files.push(path);
      else if (name !== "node_modules") files.push(...await listFiles(root, path));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files.sort();
}
